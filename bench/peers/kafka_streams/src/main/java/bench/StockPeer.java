package bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams as a peer. An aggregation whose store holds, for each key, the level and the ids of two generations of
 * event time, as bytes: on_hand, reserved, generation, number of current ids, current ids, ids of the last generation.
 *
 * <p>The record cache in front of the store coalesces changelog and output within a commit interval.
 */
public final class StockPeer {
    private static final int HORIZON_S = 30 * 60;
    private static final int HEAD = 8 + 8 + 4 + 4;
    private static final int ID = 16;
    private static final byte[] EMPTY = ByteBuffer.allocate(HEAD).putLong(0).putLong(0).putInt(-1).putInt(0).array();
    private static final JsonFactory JSON = new JsonFactory();
    private static volatile boolean said;

    private StockPeer() {}

    public static void main(String[] arguments) throws Exception {
        Map<String, String> setup = Setup.read(arguments[arguments.length - 1]);
        KafkaStreams streams = new KafkaStreams(topology(setup), new StreamsConfig(settings(setup)));
        CountDownLatch stopped = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(70);
            return null;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close(Duration.ofSeconds(10));
            stopped.countDown();
        }));
        streams.start();
        stopped.await();
    }

    private static Topology topology(Map<String, String> setup) {
        return setup.getOrDefault("topology", "dsl").equals("dsl") ? dsl(setup) : processor(setup);
    }

    /** The Processor API without a cache: a changelog record and an output for every event. */
    private static Topology processor(Map<String, String> setup) {
        var bytes = Serdes.ByteArray();
        var store = Stores.keyValueStoreBuilder(supplier(setup), bytes, bytes);
        if (setup.getOrDefault("cached", "no").equals("yes")) {
            store = store.withCachingEnabled();
        }
        return new Topology()
            .addSource("source", bytes.deserializer(), bytes.deserializer(), setup.get("source"))
            .addProcessor("fold", Fold::new, "source")
            .addStateStore(store, "fold")
            .addSink("sink", setup.get("output"), bytes.serializer(), bytes.serializer(), "fold");
    }

    private static KeyValueBytesStoreSupplier supplier(Map<String, String> setup) {
        return setup.getOrDefault("store", "memory").equals("memory")
            ? Stores.inMemoryKeyValueStore("levels")
            : Stores.persistentKeyValueStore("levels");
    }

    private static final class Fold implements Processor<byte[], byte[], byte[], byte[]> {
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<byte[], byte[]> store;

        @Override
        public void init(ProcessorContext<byte[], byte[]> given) {
            context = given;
            store = given.getStateStore("levels");
        }

        @Override
        public void process(Record<byte[], byte[]> event) {
            byte[] old = store.get(event.key());
            byte[] state = old == null ? EMPTY : old;
            byte[] fresh = fold(event.value(), state);
            if (fresh != state) {
                store.put(event.key(), fresh);
                context.forward(event.withValue(level(fresh)));
            }
        }
    }

    private static Topology dsl(Map<String, String> setup) {
        StreamsBuilder builder = new StreamsBuilder();
        var bytes = Serdes.ByteArray();
        var store = Materialized.<byte[], byte[]>as(supplier(setup)).withKeySerde(bytes).withValueSerde(bytes);
        builder.stream(setup.get("source"), Consumed.with(bytes, bytes))
            .groupByKey(Grouped.with(bytes, bytes))
            .aggregate(() -> EMPTY, (key, event, state) -> fold(event, state), store.withCachingEnabled())
            .toStream()
            .mapValues(StockPeer::level)
            .to(setup.get("output"), Produced.with(bytes, bytes));
        return builder.build();
    }

    private static Properties settings(Map<String, String> setup) {
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, setup.get("group"));
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, setup.get("bootstrap"));
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, setup.get("commit_ms"));
        p.put(StreamsConfig.STATE_DIR_CONFIG, setup.get("folder"));
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, setup.getOrDefault("threads", "1"));
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, setup.getOrDefault("cache", "268435456"));
        p.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, setup.getOrDefault("buffered", "10000"));
        p.put(StreamsConfig.METRICS_RECORDING_LEVEL_CONFIG, "INFO");
        p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1");
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), setup.getOrDefault("poll", "10000"));
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), "8388608");
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG), "30");
        p.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        p.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), setup.getOrDefault("linger", "100"));
        p.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), setup.getOrDefault("batch", "1048576"));
        p.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), "134217728");
        return p;
    }

    /** The state after one more event; the same array for a repeat. */
    static byte[] fold(byte[] event, byte[] state) {
        if (!said) {
            said = true;
            System.out.println("first " + System.currentTimeMillis() / 1000.0);
        }
        Event e = Event.read(JSON, event);
        ByteBuffer old = ByteBuffer.wrap(state);
        if (holds(old, e.high, e.low)) {
            return state;
        }
        int generation = old.getInt(16);
        int current = old.getInt(20);
        int ids = (state.length - HEAD) / ID;
        int now = (int) (e.at / HORIZON_S);
        boolean turned = now > generation;
        // A turn of the generation keeps only what was current, and that only when no generation lies between.
        int kept = !turned ? ids : now == generation + 1 ? current : 0;
        ByteBuffer fresh = ByteBuffer.allocate(HEAD + (kept + 1) * ID);
        boolean own = turned || now == generation;
        fresh.putLong(old.getLong(0) + (e.onHand ? e.quantity : 0));
        fresh.putLong(old.getLong(8) + (e.onHand ? 0 : e.quantity));
        fresh.putInt(Math.max(now, generation));
        fresh.putInt(turned ? 1 : own ? current + 1 : current);
        if (own) {
            fresh.putLong(e.high).putLong(e.low).put(state, HEAD, kept * ID);
        } else {
            fresh.put(state, HEAD, kept * ID).putLong(e.high).putLong(e.low);
        }
        return fresh.array();
    }

    private static boolean holds(ByteBuffer state, long high, long low) {
        for (int i = HEAD; i < state.capacity(); i += ID) {
            if (state.getLong(i + 8) == low && state.getLong(i) == high) {
                return true;
            }
        }
        return false;
    }

    private static byte[] level(byte[] state) {
        ByteBuffer s = ByteBuffer.wrap(state);
        long onHand = s.getLong(0);
        long reserved = s.getLong(8);
        return ("{\"on_hand\":" + onHand + ",\"reserved\":" + reserved + ",\"available\":" + (onHand - reserved) + "}")
            .getBytes(StandardCharsets.ISO_8859_1);
    }

    /** The four fields that the job needs, by Jackson's streaming parser. */
    private static final class Event {
        long high;
        long low;
        long at;
        int quantity;
        boolean onHand;

        static Event read(JsonFactory json, byte[] value) {
            Event e = new Event();
            int left = 4;
            try (JsonParser parser = json.createParser(value)) {
                parser.nextToken();
                while (left > 0 && parser.nextToken() == JsonToken.FIELD_NAME) {
                    String field = parser.currentName();
                    parser.nextToken();
                    switch (field) {
                        case "event_id" -> {
                            char[] text = parser.getTextCharacters();
                            int from = parser.getTextOffset();
                            e.high = hex(text, from);
                            e.low = hex(text, from + 16);
                            left--;
                        }
                        case "bucket" -> {
                            e.onHand = parser.getTextLength() == 7;
                            left--;
                        }
                        case "quantity" -> {
                            e.quantity = parser.getIntValue();
                            left--;
                        }
                        case "at" -> {
                            e.at = parser.getLongValue();
                            left--;
                        }
                        default -> parser.skipChildren();
                    }
                }
            } catch (IOException error) {
                throw new IllegalArgumentException(error);
            }
            return e;
        }

        private static long hex(char[] text, int from) {
            long value = 0;
            for (int i = from; i < from + 16; i++) {
                int c = text[i];
                value = value << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
            }
            return value;
        }
    }
}

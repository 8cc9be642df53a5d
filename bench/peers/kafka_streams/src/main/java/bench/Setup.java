package bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/** The one argument that every peer gets: a JSON object of strings and numbers, its `options` laid flat beside them. */
final class Setup {
    private Setup() {}

    static Map<String, String> read(String json) throws IOException {
        Map<String, String> found = new HashMap<>();
        try (JsonParser parser = new JsonFactory().createParser(json)) {
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token.isScalarValue()) {
                    found.put(parser.currentName(), parser.getText());
                }
            }
        }
        return found;
    }
}

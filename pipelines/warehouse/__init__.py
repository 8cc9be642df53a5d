"""The warehouse run: load what Kafka holds, build the marts, audit them, publish a whole new version of them."""

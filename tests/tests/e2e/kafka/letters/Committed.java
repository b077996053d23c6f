import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Prints the values of all committed messages of a topic, each with a NUL behind it. Kafka's own client: nothing of ours. */
public class Committed {
    public static void main(String[] arguments) {
        var bytes = new ByteArrayDeserializer();
        Map<String, Object> settings =
            Map.of("bootstrap.servers", arguments[0], "isolation.level", "read_committed");
        try (var consumer = new KafkaConsumer<>(settings, bytes, bytes)) {
            List<TopicPartition> partitions = consumer.partitionsFor(arguments[1]).stream()
                .map(info -> new TopicPartition(info.topic(), info.partition())).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            // The last stable offset: no transaction is open in front of it.
            var ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(of -> consumer.position(of) < ends.get(of))) {
                for (var message : consumer.poll(Duration.ofSeconds(1))) {
                    System.out.writeBytes(message.value());
                    System.out.write(0);
                }
            }
        }
        System.out.flush();
    }
}

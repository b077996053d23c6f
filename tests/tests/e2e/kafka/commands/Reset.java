import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * What kafka-consumer-groups.sh --reset-offsets --group G --topic T --to-latest --execute does: sets the group's positions, without
 * metadata. Takes "G T".
 */
public class Reset {
    public static void main(String[] arguments) throws Exception {
        String group = arguments[1].split(" ")[0], topic = arguments[1].split(" ")[1];
        try (var admin = Admin.create(Map.of("bootstrap.servers", arguments[0]))) {
            var latest = new HashMap<TopicPartition, OffsetSpec>();
            admin.describeTopics(java.util.List.of(topic)).allTopicNames().get().get(topic).partitions()
                .forEach(partition -> latest.put(new TopicPartition(topic, partition.partition()), OffsetSpec.latest()));
            var positions = new HashMap<TopicPartition, OffsetAndMetadata>();
            admin.listOffsets(latest).all().get().forEach((of, at) -> positions.put(of, new OffsetAndMetadata(at.offset())));
            admin.alterConsumerGroupOffsets(group, positions).all().get();
        }
    }
}

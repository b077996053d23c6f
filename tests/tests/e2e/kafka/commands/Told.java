import java.util.TreeMap;
import java.util.TreeSet;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;

/**
 * Prints what the brokers say of all topics and groups that begin with a prefix: a line "topic partition oldest next" for each
 * partition, then a line "group topic partition position metadata" for each position, sorted. Kafka's own client: nothing of ours.
 */
public class Told {
    public static void main(String[] arguments) throws Exception {
        try (var admin = Admin.create(Map.of("bootstrap.servers", arguments[0]))) {
            var names = new TreeSet<>(admin.listTopics().names().get());
            names.removeIf(name -> !name.startsWith(arguments[1]));
            var oldest = new HashMap<TopicPartition, OffsetSpec>();
            var next = new HashMap<TopicPartition, OffsetSpec>();
            for (var topic : admin.describeTopics(names).allTopicNames().get().values()) {
                for (var partition : topic.partitions()) {
                    oldest.put(new TopicPartition(topic.name(), partition.partition()), OffsetSpec.earliest());
                    next.put(new TopicPartition(topic.name(), partition.partition()), OffsetSpec.latest());
                }
            }
            var from = admin.listOffsets(oldest).all().get();
            var to = admin.listOffsets(next).all().get();
            var lines = new TreeMap<String, String>();
            from.forEach((of, at) -> lines.put(place(of), name(of) + " " + at.offset() + " " + to.get(of).offset()));
            lines.values().forEach(System.out::println);
            for (var group : admin.listGroups().all().get()) {
                if (!group.groupId().startsWith(arguments[1])) continue;
                lines.clear();
                admin.listConsumerGroupOffsets(group.groupId()).partitionsToOffsetAndMetadata().get().forEach((of, at) ->
                    lines.put(place(of), group.groupId() + " " + name(of) + " " + at.offset() + " " + escaped(at.metadata())));
                lines.values().forEach(System.out::println);
            }
        }
    }

    static String escaped(String metadata) {
        return metadata.strip().replace("\n", "\\n");
    }

    static String name(TopicPartition of) {
        return of.topic() + " " + of.partition();
    }

    static String place(TopicPartition of) {
        return "%s %05d".formatted(of.topic(), of.partition());
    }
}

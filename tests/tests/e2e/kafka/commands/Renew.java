import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.errors.TopicExistsException;

/** Deletes a topic and makes it again with as many partitions. */
public class Renew {
    public static void main(String[] arguments) throws Exception {
        try (var admin = Admin.create(Map.of("bootstrap.servers", arguments[0]))) {
            var names = List.of(arguments[1]);
            int partitions = admin.describeTopics(names).allTopicNames().get().get(arguments[1]).partitions().size();
            admin.deleteTopics(names).all().get();
            while (true) {
                try {
                    admin.createTopics(List.of(new NewTopic(arguments[1], Optional.of(partitions), Optional.empty()))).all().get();
                    return;
                } catch (ExecutionException error) {
                    // A topic that is being deleted still has its name.
                    if (!(error.getCause() instanceof TopicExistsException)) throw error;
                    Thread.sleep(50);
                }
            }
        }
    }
}

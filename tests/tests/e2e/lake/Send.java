import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Puts one message into a topic, as anybody might. Takes "TOPIC TEXT". */
public class Send {
    public static void main(String[] arguments) throws Exception {
        String[] words = arguments[1].split(" ", 2);
        var text = new StringSerializer();
        try (var producer = new KafkaProducer<>(Map.of("bootstrap.servers", arguments[0]), text, text)) {
            producer.send(new ProducerRecord<>(words[0], words[1])).get();
        }
    }
}

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;

/**
 * Reads lines of a message's name, a version and bytes in hexadecimal digits. Decodes the bytes with
 * Kafka's own class, encodes what came of it, and writes those bytes, or what was wrong.
 */
public class Codec {
    private static final String[] PACKAGES = {
        "org.apache.kafka.common.message",
        "org.apache.kafka.common.metadata",
        "org.apache.kafka.coordinator.group.generated",
        "org.apache.kafka.coordinator.transaction.generated",
        "org.apache.kafka.coordinator.share.generated",
        "org.apache.kafka.server.log.remote.metadata.storage.generated",
        "org.apache.kafka.storage.internals.log.generated",
        "org.apache.kafka.server.log.internals.generated",
        "org.apache.kafka.raft.generated",
    };

    public static void main(String[] arguments) throws Exception {
        var in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String[] words = line.split(" ", -1);
            System.out.println(again(words[0], Short.parseShort(words[1]), words[2]));
        }
    }

    private static String again(String name, short version, String digits) {
        try {
            ByteBuffer bytes = ByteBuffer.wrap(HexFormat.of().parseHex(digits));
            Message message = message(name);
            message.read(new ByteBufferAccessor(bytes), version);
            if (bytes.hasRemaining()) {
                return bytes.remaining() + " bytes left of " + message;
            }
            ByteBuffer written = MessageUtil.toByteBufferAccessor(message, version).buffer();
            byte[] out = new byte[written.remaining()];
            written.get(out);
            return HexFormat.of().formatHex(out);
        } catch (Exception e) {
            return e.toString().replace('\n', ' ');
        }
    }

    private static Message message(String name) throws Exception {
        for (String place : PACKAGES) {
            for (String end : new String[] {"Data", ""}) {
                try {
                    Class<?> found = Class.forName(place + "." + name + end);
                    if (Message.class.isAssignableFrom(found)) {
                        return (Message) found.getDeclaredConstructor().newInstance();
                    }
                } catch (ClassNotFoundException e) {
                    // It is in another one.
                }
            }
        }
        throw new ClassNotFoundException(name);
    }
}

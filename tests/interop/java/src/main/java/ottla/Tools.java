package ottla;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import org.apache.kafka.common.utils.Exit;

/**
 * Kafka's own command line tools, one after the other in one JVM: each line of the input is the
 * name of a class and its arguments, separated by spaces. Behind what the tool prints comes a line
 * {@code == exit STATUS}.
 */
public final class Tools {
    private static final class Ended extends RuntimeException {
        private final int status;

        Ended(int status) {
            this.status = status;
        }
    }

    private Tools() {}

    public static void main(String[] args) throws Exception {
        Exit.setExitProcedure((status, message) -> {
            throw new Ended(status);
        });
        Exit.setHaltProcedure((status, message) -> {
            throw new Ended(status);
        });
        System.setErr(System.out);
        var input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            System.out.println("== exit " + run(line.split(" ")));
        }
        // Their shutdown hooks have nothing left to do.
        Runtime.getRuntime().halt(0);
    }

    private static int run(String[] words) throws Exception {
        String[] args = java.util.Arrays.copyOfRange(words, 1, words.length);
        try {
            Class.forName(words[0]).getMethod("main", String[].class).invoke(null, (Object) args);
            return 0;
        } catch (InvocationTargetException failure) {
            if (failure.getCause() instanceof Ended ended) {
                return ended.status;
            }
            throw failure;
        }
    }
}

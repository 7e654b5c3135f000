package ottla;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import org.apache.kafka.common.utils.internals.Exit;

/**
 * Kafka's own command line tools, one after the other in one JVM: each line of the input is the
 * name of a class and its arguments, separated by spaces. Behind what the tool prints comes a line
 * {@code == exit STATUS}.
 */
public final class Tools {
    /** Ends a tool where it would end the JVM. Some catch it, print it and end once more. */
    private static final class Ended extends Error {
        Ended() {
            super("(ended)", null, false, false);
        }
    }

    /** How the tool has ended first; none while it runs. */
    private static Integer status;

    private Tools() {}

    public static void main(String[] args) throws Exception {
        Exit.setExitProcedure((with, message) -> end(with));
        Exit.setHaltProcedure((with, message) -> end(with));
        System.setErr(System.out);
        var input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            System.out.println("== exit " + run(line.split(" ")));
        }
        // Their shutdown hooks have nothing left to do.
        Runtime.getRuntime().halt(0);
    }

    private static void end(int with) {
        if (status == null) {
            status = with;
        }
        throw new Ended();
    }

    private static int run(String[] words) throws Exception {
        String[] args = java.util.Arrays.copyOfRange(words, 1, words.length);
        status = null;
        try {
            Class.forName(words[0]).getMethod("main", String[].class).invoke(null, (Object) args);
        } catch (InvocationTargetException failure) {
            if (!(failure.getCause() instanceof Ended)) {
                // As the JVM does it.
                System.out.println("Exception in thread \"main\" " + failure.getCause());
                return 1;
            }
        }
        return status == null ? 0 : status;
    }
}

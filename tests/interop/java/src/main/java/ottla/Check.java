package ottla;

import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** What every program here needs: checks that end it with a clear line, and waits with a limit. */
final class Check {
    private Check() {}

    static void equal(String what, Object seen, Object wanted) {
        if (!Objects.equals(seen, wanted)) {
            throw new AssertionError(what + ": " + seen + ", expected " + wanted);
        }
    }

    static void that(String what, boolean holds) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    /** The answer; it has a minute to come. */
    static <T> T answer(Future<T> future) throws Exception {
        return future.get(60, TimeUnit.SECONDS);
    }

    /** The broker must refuse with exactly this exception. */
    static void refused(String what, Class<? extends Throwable> wanted, Future<?> future)
            throws Exception {
        try {
            Object seen = answer(future);
            throw new AssertionError(what + " was answered with " + seen);
        } catch (ExecutionException refusal) {
            Throwable cause = refusal.getCause();
            that(what + ": " + cause + ", expected " + wanted, cause.getClass() == wanted);
        }
    }
}

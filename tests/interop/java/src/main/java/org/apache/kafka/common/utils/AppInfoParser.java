package org.apache.kafka.common.utils;

/** What connect-file asks for its version: it is older than the workers, where this class has moved. */
public final class AppInfoParser {
    private AppInfoParser() {}

    public static String getVersion() {
        return org.apache.kafka.common.utils.internals.AppInfoParser.getVersion();
    }
}

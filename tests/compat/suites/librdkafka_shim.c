/*
 * Preloaded to librdkafka's test-runner: its tests ask for three replicas by a number in the
 * source, and one node has one. Nothing else is changed; in particular, a factor that is to be
 * refused (0, or less than -1) goes through as it is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include "rdkafka.h"

rd_kafka_NewTopic_t *rd_kafka_NewTopic_new(const char *topic,
                                           int num_partitions,
                                           int replication_factor,
                                           char *errstr,
                                           size_t errstr_size) {
        rd_kafka_NewTopic_t *(*theirs)(const char *, int, int, char *, size_t);

        theirs = dlsym(RTLD_NEXT, "rd_kafka_NewTopic_new");
        return theirs(topic, num_partitions, replication_factor > 1 ? 1 : replication_factor,
                      errstr, errstr_size);
}

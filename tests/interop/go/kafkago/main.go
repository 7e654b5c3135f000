// kafka-go of segmentio: topics, a writer, and readers that are members of a group.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"

	"ottla/interop/member"
)

const (
	topic      = "events"
	partitions = 6
	records    = 60
)

func main() {
	bootstrap := os.Args[1]
	err := member.First(
		func() error { return topics(bootstrap) },
		func() error { return write(bootstrap, 0) },
		func() error { return one(bootstrap) },
		func() error { return share(bootstrap) },
		func() error { return asked(bootstrap) },
		func() error { return begin(bootstrap) },
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Create and delete topics, over a plain connection.
func topics(bootstrap string) error {
	conn, err := kafka.Dial("tcp", bootstrap)
	if err != nil {
		return err
	}
	defer conn.Close()
	controller, err := conn.Controller()
	if err != nil {
		return err
	}
	made := kafka.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}
	gone := kafka.TopicConfig{Topic: "gone", NumPartitions: 1, ReplicationFactor: 1}
	return member.First(
		func() error {
			return member.Same("controller", fmt.Sprintf("%s:%d", controller.Host, controller.Port), bootstrap)
		},
		func() error { return conn.CreateTopics(made, gone) },
		func() error { return conn.DeleteTopics("gone") },
		func() error {
			found, err := conn.ReadPartitions(topic)
			return errors.Join(err, member.Same("partitions", len(found), partitions))
		},
	)
}

// Write a phase of records, numbered from this one.
func write(bootstrap string, first int) error {
	writer := kafka.Writer{
		Addr: kafka.TCP(bootstrap), Topic: topic, Balancer: &kafka.RoundRobin{},
		RequiredAcks: kafka.RequireAll, BatchTimeout: 10 * time.Millisecond,
	}
	var messages []kafka.Message
	for i := first; i < first+records; i++ {
		messages = append(messages, kafka.Message{Value: fmt.Append(nil, i)})
	}
	return errors.Join(writer.WriteMessages(context.Background(), messages...), writer.Close())
}

func newReader(bootstrap, group string, start int64) *kafka.Reader {
	return kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{bootstrap}, GroupID: group, Topic: topic, StartOffset: start,
		MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 200 * time.Millisecond,
		SessionTimeout: 6 * time.Second, HeartbeatInterval: 500 * time.Millisecond,
		RebalanceTimeout: 10 * time.Second, JoinGroupBackoff: 100 * time.Millisecond,
	})
}

// The number of a record that we wrote; -1 for another one.
func number(message kafka.Message) int {
	n, err := strconv.Atoi(string(message.Value))
	if err != nil {
		return -1
	}
	return n
}

// Read until every record of [first, first+records) came, and no other one.
func expect(ctx context.Context, from *kafka.Reader, first int, manual bool) error {
	seen := map[string]int{}
	for len(seen) < records {
		message, err := next(ctx, from, manual)
		if err != nil {
			return fmt.Errorf("after %d records: %w", len(seen), err)
		}
		seen[string(message.Value)]++
	}
	for i := first; i < first+records; i++ {
		if err := member.Same(fmt.Sprintf("record %d", i), seen[fmt.Sprint(i)], 1); err != nil {
			return err
		}
	}
	return nil
}

func next(ctx context.Context, from *kafka.Reader, manual bool) (kafka.Message, error) {
	if !manual {
		return from.ReadMessage(ctx)
	}
	message, err := from.FetchMessage(ctx)
	if err != nil {
		return message, err
	}
	return message, from.CommitMessages(ctx, message)
}

// One reader after the other: each goes on where the one before has committed.
func one(bootstrap string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for phase, manual := range []bool{false, true, false} {
		if phase > 0 {
			if err := write(bootstrap, phase*records); err != nil {
				return err
			}
		}
		from := newReader(bootstrap, "one", kafka.FirstOffset)
		err := errors.Join(expect(ctx, from, phase*records, manual), from.Close())
		if err != nil {
			return fmt.Errorf("reader %d: %w", phase, err)
		}
	}
	return nil
}

// Two readers of one group: the six partitions are divided, and what is written then comes once.
func share(bootstrap string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	type got struct {
		reader, partition, number int
	}
	messages := make(chan got, 10000)
	for reader := range 2 {
		from := newReader(bootstrap, "share", kafka.FirstOffset)
		defer from.Close()
		go func() {
			for {
				message, err := from.ReadMessage(ctx)
				if err != nil {
					return
				}
				messages <- got{reader, message.Partition, number(message)}
			}
		}()
	}
	client := kafka.Client{Addr: kafka.TCP(bootstrap)}
	if err := member.Until("three partitions each", func() bool { return divided(&client) }); err != nil {
		return err
	}
	// The phases before; some of them twice, if one reader was there before the other.
	const first = 3 * records
	if err := write(bootstrap, first); err != nil {
		return err
	}
	seen, owners := map[int]bool{}, map[int]int{}
	for len(seen) < records {
		select {
		case message := <-messages:
			if message.number < first {
				continue
			}
			owner, known := owners[message.partition]
			if known && owner != message.reader {
				return fmt.Errorf("partition %d has two owners", message.partition)
			}
			owners[message.partition] = message.reader
			if seen[message.number] {
				return fmt.Errorf("record %d came twice", message.number)
			}
			seen[message.number] = true
		case <-time.After(time.Minute):
			return fmt.Errorf("in vain: %d more records", records-len(seen))
		}
	}
	return member.Same("partitions seen", len(owners), partitions)
}

// True if the coordinator says that two members have three partitions each.
func divided(client *kafka.Client) bool {
	said, err := client.DescribeGroups(context.Background(), &kafka.DescribeGroupsRequest{GroupIDs: []string{"share"}})
	if err != nil || len(said.Groups) != 1 || said.Groups[0].GroupState != "Stable" {
		return false
	}
	for _, m := range said.Groups[0].Members {
		topics := m.MemberAssignments.Topics
		if len(topics) != 1 || len(topics[0].Partitions) != partitions/2 {
			return false
		}
	}
	return len(said.Groups[0].Members) == 2
}

// What the client's calls say of groups, and the end of one.
func asked(bootstrap string) error {
	ctx := context.Background()
	client := kafka.Client{Addr: kafka.TCP(bootstrap)}
	listed, err := client.ListGroups(ctx, &kafka.ListGroupsRequest{})
	if err != nil {
		return err
	}
	offsets, err := client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
		GroupID: "one", Topics: map[string][]int{topic: {0, 1, 2, 3, 4, 5}},
	})
	if err != nil {
		return err
	}
	var sum int64
	for _, partition := range offsets.Topics[topic] {
		sum += partition.CommittedOffset
	}
	deleted, err := client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{"one"}})
	return member.First(
		func() error { return err },
		func() error { return deleted.Errors["one"] },
		func() error { return member.Same("groups", len(listed.Groups), 2) },
		func() error { return member.Same("committed", sum, 3*records) },
	)
}

// A new group begins at the end, if it says so: it gets none of the 240 old records.
func begin(bootstrap string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	from := newReader(bootstrap, "late", kafka.LastOffset)
	defer from.Close()
	first := 4 * records
	stop := make(chan error, 1)
	go func() {
		// The reader begins when it has its partitions, which is not announced: write until it reads.
		for next := first; ctx.Err() == nil; next += records {
			if err := write(bootstrap, next); err != nil {
				stop <- err
				return
			}
			time.Sleep(300 * time.Millisecond)
		}
		stop <- nil
	}()
	message, err := from.ReadMessage(ctx)
	cancel()
	if err := errors.Join(err, <-stop); err != nil {
		return err
	}
	if number(message) < first {
		return fmt.Errorf("an old record: %s", message.Value)
	}
	return nil
}

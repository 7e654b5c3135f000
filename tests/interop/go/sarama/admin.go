package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"ottla/interop/member"
)

// reader commits each record and tells of it.
type reader struct {
	handler
	seen chan struct{}
}

func (r *reader) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		session.MarkMessage(message, "read")
		session.Commit()
		r.seen <- struct{}{}
	}
	return nil
}

// Join the group "readers", read this many records, and call this before leaving.
func read(bootstrap string, initial int64, wanted int, meanwhile func() error) error {
	config := config()
	config.Consumer.Offsets.Initial = initial
	config.Consumer.Offsets.AutoCommit.Enable = false
	group, err := sarama.NewConsumerGroup([]string{bootstrap}, "readers", config)
	if err != nil {
		return err
	}
	defer group.Close()
	ctx, cancel := context.WithCancel(context.Background())
	r := &reader{handler{voice: member.Silent()}, make(chan struct{}, 1000)}
	ended := make(chan error, 1)
	go func() { ended <- group.Consume(ctx, []string{"read"}, r) }()
	for seen := 0; seen < wanted; seen++ {
		select {
		case <-r.seen:
		case err := <-ended:
			cancel()
			return fmt.Errorf("after %d records: %w", seen, err)
		}
	}
	wrong := meanwhile()
	cancel()
	return errors.Join(wrong, <-ended)
}

func admin(bootstrap string, _ []string) error {
	admin, err := sarama.NewClusterAdmin([]string{bootstrap}, config())
	if err != nil {
		return err
	}
	defer admin.Close()
	return member.First(
		func() error { return create(bootstrap, "read", 3) },
		func() error { return produce(bootstrap, "read", 3, 0, 20) },
		func() error {
			return read(bootstrap, sarama.OffsetOldest, 20, func() error { return live(admin) })
		},
		func() error { return produce(bootstrap, "read", 3, 0, 5) },
		// The committed offsets count, not OffsetNewest nor OffsetOldest.
		func() error { return read(bootstrap, sarama.OffsetNewest, 5, func() error { return nil }) },
		func() error { return empty(admin) },
	)
}

// What is said of a group with a member.
func live(admin sarama.ClusterAdmin) error {
	groups, err := admin.ListConsumerGroups()
	if err != nil {
		return err
	}
	described, err := admin.DescribeConsumerGroups([]string{"readers"})
	if err != nil {
		return err
	}
	refused := admin.DeleteConsumerGroup("readers")
	return member.First(
		func() error { return member.Same("listed", groups, "map[readers:consumer]") },
		func() error { return member.Same("state", described[0].State, "Stable") },
		func() error { return member.Same("protocol", described[0].Protocol, "range") },
		func() error { return member.Same("members", len(described[0].Members), 1) },
		func() error { return member.Same("deleted", refused, sarama.ErrNonEmptyGroup) },
	)
}

// What is said of a group without members, and its end.
func empty(admin sarama.ClusterAdmin) error {
	described, err := admin.DescribeConsumerGroups([]string{"readers"})
	if err != nil {
		return err
	}
	offsets, err := admin.ListConsumerGroupOffsets("readers", map[string][]int32{"read": {0, 1, 2}})
	if err != nil {
		return err
	}
	all, err := admin.ListConsumerGroupOffsets("readers", nil)
	if err != nil {
		return err
	}
	if err := admin.DeleteConsumerGroup("readers"); err != nil {
		return err
	}
	groups, err := admin.ListConsumerGroups()
	return member.First(
		func() error { return err },
		func() error { return member.Same("state", described[0].State, "Empty") },
		func() error { return member.Same("offset", offsets.GetBlock("read", 0).Offset, 9) },
		func() error { return member.Same("offset", offsets.GetBlock("read", 2).Offset, 7) },
		func() error { return member.Same("metadata", offsets.GetBlock("read", 2).Metadata, "read") },
		func() error { return member.Same("all offsets", len(all.Blocks["read"]), 3) },
		func() error { return member.Same("listed", groups, "map[]") },
	)
}

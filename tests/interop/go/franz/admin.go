package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla/interop/member"
)

// A topic with 7, 7 and 6 records, and a member of the group "readers" that has read them all.
func readers(bootstrap string) (*kgo.Client, error) {
	if err := create(bootstrap, "read", 3); err != nil {
		return nil, err
	}
	if err := produce(bootstrap, "read", 3, 0, 20); err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(bootstrap), kgo.ConsumerGroup("readers"), kgo.ConsumeTopics("read"),
		kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		return nil, err
	}
	for seen := 0; seen < 20; {
		seen += client.PollFetches(context.Background()).NumRecords()
	}
	return client, client.CommitUncommittedOffsets(context.Background())
}

// Lags of the three partitions of "read" for the group "readers", and its state.
func lags(admin *kadm.Client) (string, error) {
	all, err := admin.Lag(context.Background(), "readers")
	if err != nil {
		return "", err
	}
	group := all["readers"]
	if err := group.Error(); err != nil {
		return "", err
	}
	said := group.State
	for _, lag := range group.Lag.Sorted() {
		said += fmt.Sprintf(" %s:%d=%d/%d", lag.Topic, lag.Partition, lag.Lag, lag.Commit.At)
	}
	return said, nil
}

func admin(bootstrap string, _ []string) error {
	client, err := readers(bootstrap)
	if err != nil {
		return err
	}
	admin := kadm.NewClient(client)
	if err := live(admin); err != nil {
		return err
	}
	// Five more records: the lag says so, with the group live and without.
	if err := produce(bootstrap, "read", 3, 0, 5); err != nil {
		return err
	}
	said, err := lags(admin)
	if err != nil {
		return err
	}
	if err := member.Same("lag", said, "Stable read:0=2/7 read:1=2/7 read:2=1/6"); err != nil {
		return err
	}
	client.Close()
	client, err = kgo.NewClient(kgo.SeedBrokers(bootstrap))
	if err != nil {
		return err
	}
	defer client.Close()
	return empty(kadm.NewClient(client))
}

// What is said of a group with a member.
func live(admin *kadm.Client) error {
	ctx := context.Background()
	listed, err := admin.ListGroups(ctx)
	if err != nil {
		return err
	}
	described, err := admin.DescribeGroups(ctx, "readers")
	if err != nil {
		return err
	}
	group := described["readers"]
	if group.Err != nil || len(group.Members) != 1 {
		return fmt.Errorf("described: %v", group)
	}
	offsets, err := admin.FetchOffsets(ctx, "readers")
	if err != nil {
		return err
	}
	_, refused := admin.DeleteGroup(ctx, "readers")
	return member.First(
		func() error { return member.Same("listed", listed.Groups(), "[readers]") },
		func() error { return member.Same("listed state", listed["readers"].State, "Stable") },
		func() error { return member.Same("state", group.State, "Stable") },
		func() error { return member.Same("protocol", group.Protocol, "cooperative-sticky") },
		func() error {
			return member.Same("assigned", group.AssignedPartitions().Sorted(), "[{read [0 1 2]}]")
		},
		func() error { return member.Same("offset", offsets["read"][2].At, 6) },
		func() error { return member.Same("deleted", refused, kerr.NonEmptyGroup) },
	)
}

// What can be done with a group without members.
func empty(admin *kadm.Client) error {
	ctx := context.Background()
	said, err := lags(admin)
	if err != nil {
		return err
	}
	if err := member.Same("lag", said, "Empty read:0=2/7 read:1=2/7 read:2=1/6"); err != nil {
		return err
	}
	var back kadm.Offsets
	back.Add(kadm.Offset{Topic: "read", Partition: 1, At: 3, LeaderEpoch: -1, Metadata: "back to 3"})
	if err := admin.CommitAllOffsets(ctx, "readers", back); err != nil {
		return err
	}
	offsets, err := admin.FetchOffsets(ctx, "readers")
	if err != nil {
		return err
	}
	if err := member.Same("metadata", offsets["read"][1].Metadata, "back to 3"); err != nil {
		return err
	}
	if said, err = lags(admin); err != nil {
		return err
	}
	if err := member.Same("lag", said, "Empty read:0=2/7 read:1=6/3 read:2=1/6"); err != nil {
		return err
	}
	deleted, err := admin.DeleteGroups(ctx, "readers", "unknown")
	if err != nil {
		return err
	}
	listed, err := admin.ListGroups(ctx)
	return member.First(
		func() error { return err },
		func() error { return deleted["readers"].Err },
		func() error { return member.Same("unknown", deleted["unknown"].Err, kerr.GroupIDNotFound) },
		func() error { return member.Same("listed", listed.Groups(), "[]") },
	)
}

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla/interop/member"
)

// What a lag checker keeps of __consumer_offsets: the newest of each key.
type checker struct {
	offsets map[string]int64
	groups  map[string]string
}

// Read __consumer_offsets as a lag checker does, while a group commits, goes, and is deleted.
func offsets(bootstrap string, _ []string) error {
	reader, err := readers(bootstrap)
	if err != nil {
		return err
	}
	log, err := kgo.NewClient(
		kgo.SeedBrokers(bootstrap), kgo.ConsumeTopics("__consumer_offsets"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		return err
	}
	defer log.Close()
	it := checker{map[string]int64{}, map[string]string{}}
	committed := "map[readers/read/0:7 readers/read/1:7 readers/read/2:6]"
	if err := it.follow(log, committed, "map[readers:cooperative-sticky with 3 of 1]"); err != nil {
		return err
	}
	reader.Close()
	if err := it.follow(log, committed, "map[readers: with 0 of 0]"); err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	if err != nil {
		return err
	}
	defer client.Close()
	request := kmsg.NewPtrDeleteGroupsRequest()
	request.Groups = []string{"readers"}
	if _, err := request.RequestWith(context.Background(), client); err != nil {
		return err
	}
	return it.follow(log, "map[]", "map[]")
}

// Read on until the topic says this.
func (it *checker) follow(log *kgo.Client, offsets, groups string) error {
	var wrong error
	err := member.Until(offsets+" "+groups, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		log.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			if err := it.take(r); err != nil {
				wrong = err
			}
		})
		return wrong != nil || fmt.Sprint(it.offsets) == offsets && fmt.Sprint(it.groups) == groups
	})
	if err != nil {
		return fmt.Errorf("%w; it says %v %v", err, it.offsets, it.groups)
	}
	return wrong
}

func (it *checker) take(r *kgo.Record) error {
	switch version := binary.BigEndian.Uint16(r.Key); version {
	case 0, 1:
		return it.takeOffset(r)
	case 2:
		return it.takeGroup(r)
	default:
		return fmt.Errorf("a key of version %d", version)
	}
}

func (it *checker) takeOffset(r *kgo.Record) error {
	var key kmsg.OffsetCommitKey
	if err := key.ReadFrom(r.Key); err != nil {
		return err
	}
	name := fmt.Sprintf("%s/%s/%d", key.Group, key.Topic, key.Partition)
	if r.Value == nil {
		delete(it.offsets, name)
		return nil
	}
	var value kmsg.OffsetCommitValue
	if err := value.ReadFrom(r.Value); err != nil {
		return err
	}
	it.offsets[name] = value.Offset
	return nil
}

func (it *checker) takeGroup(r *kgo.Record) error {
	var key kmsg.GroupMetadataKey
	if err := key.ReadFrom(r.Key); err != nil {
		return err
	}
	if r.Value == nil {
		delete(it.groups, key.Group)
		return nil
	}
	var value kmsg.GroupMetadataValue
	if err := value.ReadFrom(r.Value); err != nil {
		return err
	}
	protocol, partitions := "", 0
	if value.Protocol != nil {
		protocol = *value.Protocol
	}
	for _, m := range value.Members {
		var assigned kmsg.ConsumerMemberAssignment
		if err := assigned.ReadFrom(m.Assignment); err != nil {
			return err
		}
		for _, topic := range assigned.Topics {
			partitions += len(topic.Partitions)
		}
	}
	it.groups[key.Group] = fmt.Sprintf("%s with %d of %d", protocol, partitions, len(value.Members))
	return nil
}

// franz-go, as tests/interop/members.rs drives it.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla/interop/member"
)

func main() {
	member.Main(member.Family{
		Create: create, Produce: produce, Member: consume,
		Others: map[string]func(string, []string) error{
			"admin": admin, "offsets": offsets, "copy": copyTopic, "fence": fence,
		},
	})
}

func create(bootstrap, topic string, partitions int) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	if err != nil {
		return err
	}
	defer client.Close()
	made, err := kadm.NewClient(client).CreateTopic(context.Background(), int32(partitions), 1, nil, topic)
	if err != nil {
		return err
	}
	return made.Err
}

func produce(bootstrap, topic string, partitions, first, count int) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer client.Close()
	var records []*kgo.Record
	for i := first; i < first+count; i++ {
		records = append(records, &kgo.Record{
			Topic: topic, Partition: int32(i % partitions), Value: fmt.Append(nil, i),
		})
	}
	return client.ProduceSync(context.Background(), records...).FirstErr()
}

var balancers = map[string]kgo.GroupBalancer{
	"range":              kgo.RangeBalancer(),
	"roundrobin":         kgo.RoundRobinBalancer(),
	"sticky":             kgo.StickyBalancer(),
	"cooperative-sticky": kgo.CooperativeStickyBalancer(),
}

var beginnings = map[string]kgo.Offset{
	"earliest": kgo.NewOffset().AtStart(),
	"latest":   kgo.NewOffset().AtEnd(),
}

func settings(o member.Options, voice *member.Voice) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(o.Bootstrap),
		kgo.ConsumerGroup(o.Group),
		kgo.Balancers(balancers[o.Strategy]),
		kgo.ConsumeResetOffset(beginnings[o.Begin]),
		kgo.SessionTimeout(6 * time.Second),
		kgo.HeartbeatInterval(500 * time.Millisecond),
		kgo.RebalanceTimeout(10 * time.Second),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.MetadataMaxAge(time.Second),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, now map[string][]int32) {
			voice.Own(now)
		}),
		kgo.OnPartitionsRevoked(func(ctx context.Context, client *kgo.Client, gone map[string][]int32) {
			// No poll is being worked on now: all that was polled was seen.
			if !o.Manual {
				_ = client.CommitUncommittedOffsets(ctx)
			}
			voice.Lose(gone)
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
			voice.Lose(gone)
		}),
	}
	if pattern := o.Pattern(); pattern != "" {
		opts = append(opts, kgo.ConsumeRegex(), kgo.ConsumeTopics(pattern))
	} else {
		opts = append(opts, kgo.ConsumeTopics(o.Topics...))
	}
	if o.Manual {
		return append(opts, kgo.DisableAutoCommit())
	}
	return append(opts, kgo.AutoCommitInterval(500*time.Millisecond))
}

func consume(ctx context.Context, o member.Options, voice *member.Voice) error {
	client, err := kgo.NewClient(settings(o, voice)...)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		fetches.EachRecord(func(r *kgo.Record) { voice.Seen(r.Topic, r.Partition, r.Offset, r.Value) })
		if o.Manual {
			// A commit that a rebalance or a crash refuses is repaired by reading again.
			_ = client.CommitRecords(ctx, fetches.Records()...)
		}
		client.AllowRebalance()
	}
}

// sarama, as tests/interop/members.rs drives it.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"ottla/interop/member"
)

func main() {
	member.Main(member.Family{
		Create: create, Produce: produce, Member: consume,
		Others: map[string]func(string, []string) error{"admin": admin, "copy": copyTopic},
	})
}

func config() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Metadata.Retry.Max = 30
	config.Producer.Retry.Max = 30
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	return config
}

func create(bootstrap, topic string, partitions int) error {
	admin, err := sarama.NewClusterAdmin([]string{bootstrap}, config())
	if err != nil {
		return err
	}
	defer admin.Close()
	detail := sarama.TopicDetail{NumPartitions: int32(partitions), ReplicationFactor: 1}
	return admin.CreateTopic(topic, &detail, false)
}

func produce(bootstrap, topic string, partitions, first, count int) error {
	producer, err := sarama.NewSyncProducer([]string{bootstrap}, config())
	if err != nil {
		return err
	}
	defer producer.Close()
	var messages []*sarama.ProducerMessage
	for i := first; i < first+count; i++ {
		messages = append(messages, &sarama.ProducerMessage{
			Topic: topic, Partition: int32(i % partitions), Value: sarama.StringEncoder(fmt.Sprint(i)),
		})
	}
	return producer.SendMessages(messages)
}

var strategies = map[string]func() sarama.BalanceStrategy{
	"range":      sarama.NewBalanceStrategyRange,
	"roundrobin": sarama.NewBalanceStrategyRoundRobin,
	"sticky":     sarama.NewBalanceStrategySticky,
}

func consume(ctx context.Context, o member.Options, voice *member.Voice) error {
	config := config()
	config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategies[o.Strategy]()}
	config.Consumer.Group.Session.Timeout = 6 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	config.Consumer.Group.Rebalance.Timeout = 10 * time.Second
	config.Consumer.Offsets.AutoCommit.Enable = !o.Manual
	config.Consumer.Offsets.AutoCommit.Interval = 500 * time.Millisecond
	config.Consumer.Offsets.Initial = sarama.OffsetNewest
	if o.Begin == "earliest" {
		config.Consumer.Offsets.Initial = sarama.OffsetOldest
	}
	group, err := sarama.NewConsumerGroup([]string{o.Bootstrap}, o.Group, config)
	if err != nil {
		return err
	}
	defer group.Close()
	for ctx.Err() == nil {
		// Consume ends with each rebalance, and with an error while the broker is away.
		if err := group.Consume(ctx, o.Topics, handler{voice, o.Manual}); err != nil {
			if errors.Is(err, sarama.ErrClosedConsumerGroup) {
				return err
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	return nil
}

// handler of one generation after the other.
type handler struct {
	voice  *member.Voice
	manual bool
}

func (h handler) Setup(session sarama.ConsumerGroupSession) error {
	h.voice.Own(session.Claims())
	return nil
}

func (h handler) Cleanup(session sarama.ConsumerGroupSession) error {
	h.voice.Lose(session.Claims())
	return nil
}

func (h handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, more := <-claim.Messages():
			if !more {
				return nil
			}
			h.voice.Seen(message.Topic, message.Partition, message.Offset, message.Value)
			session.MarkMessage(message, "")
			if h.manual {
				session.Commit()
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

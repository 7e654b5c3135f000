package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const atOnce = 10

// copier is a handler of one generation: all its claims share one producer, a transaction at a time.
type copier struct {
	group, target string
	mu            sync.Mutex
	producer      sarama.SyncProducer
	turn          *int
}

// See tests/interop/transactions for what it is asked and what it prints.
func copyTopic(bootstrap string, args []string) error {
	source, target, group := args[0], args[1], args[2]
	turn := 0
	for {
		if err := generation(bootstrap, source, &copier{group: group, target: target, turn: &turn}); err != nil {
			fmt.Println("failed:", err)
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// Consumes until the claims change or a transaction fails. The producer comes first: it ends what
// the one before has left open, and with it the offsets are known that are read from.
func generation(bootstrap, source string, copier *copier) error {
	producing := config()
	producing.Producer.Idempotent = true
	producing.Producer.RequiredAcks = sarama.WaitForAll
	producing.Producer.Transaction.ID = copier.group
	producing.Net.MaxOpenRequests = 1
	producer, err := sarama.NewSyncProducer([]string{bootstrap}, producing)
	if err != nil {
		return err
	}
	defer producer.Close()
	copier.producer = producer
	consuming := config()
	consuming.Consumer.IsolationLevel = sarama.ReadCommitted
	consuming.Consumer.Group.Session.Timeout = 2 * time.Second
	consuming.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	consuming.Consumer.MaxWaitTime = 50 * time.Millisecond
	consuming.Consumer.Offsets.AutoCommit.Enable = false
	consuming.Consumer.Offsets.Initial = sarama.OffsetOldest
	group, err := sarama.NewConsumerGroup([]string{bootstrap}, copier.group, consuming)
	if err != nil {
		return err
	}
	defer group.Close()
	return group.Consume(context.Background(), []string{source}, copier)
}

func (c *copier) Setup(sarama.ConsumerGroupSession) error { return nil }

func (c *copier) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim ends with the first error, and ends the session with that: the offsets are read again.
func (c *copier) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		var found []*sarama.ConsumerMessage
		select {
		case message, more := <-claim.Messages():
			if !more {
				return nil
			}
			found = append(found, message)
		case <-session.Context().Done():
			return nil
		}
		for len(found) < atOnce && len(claim.Messages()) > 0 {
			found = append(found, <-claim.Messages())
		}
		if err := c.copied(session, found); err != nil {
			fmt.Println("failed:", err)
			return err
		}
	}
}

// Copies these messages, again if it was on purpose that the transaction was aborted.
func (c *copier) copied(session sarama.ConsumerGroupSession, found []*sarama.ConsumerMessage) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for session.Context().Err() == nil {
		*c.turn++
		commits := *c.turn%5 != 0
		if err := c.transact(session, found, commits); err != nil {
			// The next producer ends it, whatever has become of it.
			return err
		}
		if commits {
			fmt.Println("committed")
			return nil
		}
		fmt.Println("aborted")
	}
	return errors.New("the session is over")
}

func (c *copier) transact(session sarama.ConsumerGroupSession, found []*sarama.ConsumerMessage, commits bool) error {
	if err := c.producer.BeginTxn(); err != nil {
		return err
	}
	var copies []*sarama.ProducerMessage
	for _, message := range found {
		copies = append(copies, &sarama.ProducerMessage{
			Topic: c.target, Partition: message.Partition, Key: sarama.ByteEncoder(message.Key),
			Value: sarama.StringEncoder("copy of " + string(message.Value)),
		})
	}
	if err := c.producer.SendMessages(copies); err != nil {
		return err
	}
	metadata := sarama.NewConsumerGroupMetadataFromSession(session, c.group, nil)
	last := found[len(found)-1]
	if err := c.producer.AddMessageToTxnWithGroupMetadata(last, metadata, nil); err != nil {
		return err
	}
	if commits {
		return c.producer.CommitTxn()
	}
	return c.producer.AbortTxn()
}

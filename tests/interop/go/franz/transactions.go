package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const atOnce = 10

// See tests/interop/transactions for what it is asked and what it prints.
func copyTopic(bootstrap string, args []string) error {
	source, target, group := args[0], args[1], args[2]
	turn := 0
	for {
		session, err := kgo.NewGroupTransactSession(
			kgo.SeedBrokers(bootstrap),
			kgo.TransactionalID(group),
			kgo.RecordPartitioner(kgo.ManualPartitioner()),
			kgo.ConsumerGroup(group),
			kgo.ConsumeTopics(source),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()),
			kgo.RequireStableFetchOffsets(),
			kgo.SessionTimeout(2*time.Second),
			kgo.HeartbeatInterval(300*time.Millisecond),
			kgo.FetchMaxWait(50*time.Millisecond),
		)
		if err != nil {
			return err
		}
		// The id would be asked for at the first send: too late to end what the one before has left open,
		// with offsets that are waited for here.
		_, _, err = session.Client().ProducerID(context.Background())
		for err == nil {
			err = transact(session, target, &turn)
		}
		// By its documentation, a session is not to be used after an error of its end.
		fmt.Println("failed:", err)
		session.Close()
	}
}

// One transaction with what is there, if anything is.
func transact(session *kgo.GroupTransactSession, target string, turn *int) error {
	ctx := context.Background()
	fetches := session.PollRecords(ctx, atOnce)
	if fetches.NumRecords() == 0 {
		return nil
	}
	*turn++
	if err := session.Begin(); err != nil {
		return err
	}
	var copies []*kgo.Record
	fetches.EachRecord(func(r *kgo.Record) {
		value := append([]byte("copy of "), r.Value...)
		copies = append(copies, &kgo.Record{Topic: target, Partition: r.Partition, Key: r.Key, Value: value})
	})
	try := kgo.TransactionEndTry(*turn%5 != 0)
	if err := session.ProduceSync(ctx, copies...).FirstErr(); err != nil {
		fmt.Println("failed:", err)
		try = kgo.TryAbort
	}
	// Where it aborts it goes back to what is committed.
	committed, err := session.End(ctx, try)
	switch {
	case err != nil:
		return err
	case committed:
		fmt.Println("committed")
	default:
		fmt.Println("aborted")
	}
	return nil
}

func transactional(bootstrap, id, topic string) (*kgo.Client, error) {
	return kgo.NewClient(
		kgo.SeedBrokers(bootstrap), kgo.TransactionalID(id), kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.AllowAutoTopicCreation(),
	)
}

// What the older of two producers with one id is refused with, whatever it does next.
func fence(bootstrap string, args []string) error {
	topic := args[0]
	for _, call := range []string{"begin", "send", "commit", "abort"} {
		older, err := transactional(bootstrap, call, topic)
		if err != nil {
			return err
		}
		if err := sendIn(older, call == "begin"); err != nil {
			return err
		}
		newer, err := transactional(bootstrap, call, topic)
		if err != nil {
			return err
		}
		if err := sendIn(newer, true); err != nil {
			return err
		}
		fmt.Printf("%s: %v\n", call, attempt(older, call))
		if err := sendIn(newer, true); err != nil {
			return err
		}
		older.Close()
		newer.Close()
	}
	return nil
}

// Begins a transaction and sends a record in it; commits it if asked to.
func sendIn(client *kgo.Client, commits bool) error {
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	if err := send(client); err != nil || !commits {
		return err
	}
	return client.EndTransaction(context.Background(), kgo.TryCommit)
}

func send(client *kgo.Client) error {
	return client.ProduceSync(context.Background(), kgo.StringRecord("value")).FirstErr()
}

func attempt(older *kgo.Client, call string) error {
	switch call {
	case "begin":
		return sendIn(older, false)
	case "send":
		return send(older)
	}
	return older.EndTransaction(context.Background(), call == "commit")
}

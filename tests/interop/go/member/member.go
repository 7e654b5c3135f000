// Package member is what the programs of the Go clients share: the command line that
// tests/interop/members.rs drives, and what a member says.
package member

import (
	"context"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options of a member.
type Options struct {
	Bootstrap, Group string
	// Names, or one /pattern/.
	Topics []string
	Manual bool
	// Where a group without offsets begins: earliest or latest.
	Begin    string
	Strategy string
}

// Pattern is what stands between the slashes; empty if the topics are named.
func (o Options) Pattern() string {
	if len(o.Topics) == 1 && strings.HasPrefix(o.Topics[0], "/") {
		return strings.Trim(o.Topics[0], "/")
	}
	return ""
}

// Family of clients. Member consumes until the context ends, and then leaves.
type Family struct {
	Create  func(bootstrap, topic string, partitions int) error
	Produce func(bootstrap, topic string, partitions, first, count int) error
	Member  func(ctx context.Context, options Options, voice *Voice) error
	// What the family can do besides.
	Others map[string]func(bootstrap string, args []string) error
}

// Main runs one command: PROGRAM BOOTSTRAP COMMAND ARGUMENTS.
func Main(family Family) {
	if err := family.run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (family Family) run(bootstrap, command string, args []string) error {
	switch command {
	case "create":
		return family.Create(bootstrap, args[0], number(args[1]))
	case "produce":
		return family.Produce(bootstrap, args[0], number(args[1]), number(args[2]), number(args[3]))
	case "member":
		return family.Member(untilInputEnds(), Options{
			Bootstrap: bootstrap, Group: args[0], Topics: strings.Split(args[1], ","),
			Manual: args[2] == "manual", Begin: args[3], Strategy: args[4],
		}, &Voice{owned: map[string]bool{}})
	}
	other, there := family.Others[command]
	if !there {
		return fmt.Errorf("%s: no such command", command)
	}
	return other(bootstrap, args)
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

func untilInputEnds() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx
}

// Voice says what a member owns and sees, a line at a time.
type Voice struct {
	mu    sync.Mutex
	owned map[string]bool
	// Not printed: what is asked of the member is its end alone.
	silent bool
}

// Silent is a voice that only remembers.
func Silent() *Voice { return &Voice{owned: map[string]bool{}, silent: true} }

// Seen says that a record came.
func (v *Voice) Seen(topic string, partition int32, offset int64, value []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fmt.Printf("seen %s %d %d %s\n", topic, partition, offset, value)
}

// Own adds these partitions to what the member owns.
func (v *Voice) Own(partitions map[string][]int32) { v.change(partitions, true) }

// Lose takes these partitions away.
func (v *Voice) Lose(partitions map[string][]int32) { v.change(partitions, false) }

func (v *Voice) change(partitions map[string][]int32, owned bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for topic, numbers := range partitions {
		for _, partition := range numbers {
			name := fmt.Sprintf("%s:%d", topic, partition)
			if owned {
				v.owned[name] = true
			} else {
				delete(v.owned, name)
			}
		}
	}
	if v.silent {
		return
	}
	words := []string{"assigned"}
	for name := range v.owned {
		words = append(words, name)
	}
	sort.Strings(words[1:])
	fmt.Println(strings.Join(words, " "))
}

// Same is an error if these differ in what they print.
func Same(what string, found, wanted any) error {
	if fmt.Sprint(found) != fmt.Sprint(wanted) {
		return fmt.Errorf("%s: %v; wanted %v", what, found, wanted)
	}
	return nil
}

// Until asks until the answer is true, for a minute at most.
func Until(what string, holds func() bool) error {
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("in vain: %s", what)
		}
	}
	return nil
}

// First is the first of these that went wrong; none is called after it.
func First(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

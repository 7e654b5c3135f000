use super::*;

const MIB: usize = 1 << 20;
const BUDGET: usize = 32 * MIB;
/// The size of the largest legal frames in the tests: `socket.request.max.bytes`.
const LARGEST: usize = 104_857_600;
/// How much a connection holds without asking.
const FREE: usize = 4096;
const TICK_MS: i64 = 5;

fn ip(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum SenderState {
    Sends,
    IsAnswered { until_ms: i64 },
    Done { at_ms: i64 },
    Closed,
}

/// A client that sends one frame.
#[derive(Debug, Clone)]
struct Sender {
    address: IpAddr,
    size: usize,
    begins_ms: i64,
    /// How much it sends at its beginning, all at once.
    at_once: usize,
    bytes_per_second: usize,
    frame: Option<FrameId>,
    held: usize,
    read: usize,
    /// The last read filled all the room that there was.
    was_full: bool,
    was_queued: bool,
    /// When it checks again whether it has memory, unless it is woken before.
    looks_ms: i64,
    state: SenderState,
}

fn sender(address: u8, size: usize, at_once: usize, bytes_per_second: usize) -> Sender {
    Sender {
        address: ip(address),
        size,
        begins_ms: 0,
        at_once,
        bytes_per_second,
        frame: None,
        held: 0,
        read: 0,
        was_full: false,
        was_queued: false,
        looks_ms: 0,
        state: SenderState::Sends,
    }
}

/// The memory and the woken connections.
struct Memory {
    frames: RequestMemory<usize>,
    woken: Vec<usize>,
}

impl std::ops::Deref for Memory {
    type Target = RequestMemory<usize>;

    fn deref(&self) -> &RequestMemory<usize> {
        &self.frames
    }
}

impl std::ops::DerefMut for Memory {
    fn deref_mut(&mut self) -> &mut RequestMemory<usize> {
        &mut self.frames
    }
}

impl Sender {
    fn beginning_at(mut self, begins_ms: i64) -> Sender {
        self.begins_ms = begins_ms;
        self
    }

    fn done_ms(&self) -> Option<i64> {
        match self.state {
            SenderState::Done { at_ms } => Some(at_ms - self.begins_ms),
            _ => None,
        }
    }

    fn sent(&self, now_ms: i64) -> usize {
        let ms = (now_ms - self.begins_ms).max(0) as usize;
        self.size.min(self.at_once + self.bytes_per_second * ms / 1000)
    }

    /// Does what a connection does, as in `server/frames.rs`.
    fn go_on(&mut self, number: usize, memory: &mut Memory, now_ms: i64) {
        if let SenderState::IsAnswered { until_ms } = self.state
            && now_ms >= until_ms
        {
            self.leave(memory, now_ms, SenderState::Done { at_ms: now_ms });
        }
        while self.state == SenderState::Sends && now_ms >= self.begins_ms {
            if let Some(id) = self.frame
                && memory.is_queued(id)
            {
                if now_ms < self.looks_ms {
                    return;
                }
                let (woken, again_ms) = memory.make_room(id, now_ms);
                assert!(again_ms > now_ms);
                memory.woken.extend(woken);
                self.looks_ms = again_ms;
                return;
            }
            if self.was_queued && self.frame.is_some_and(|id| memory.must_give_way(id)) {
                self.leave(memory, now_ms, SenderState::Closed);
                return;
            }
            self.was_queued = false;
            let arrived = self.sent(now_ms) - self.read;
            if self.read == self.size {
                if let Some(id) = self.frame {
                    let woken = memory.answer(id, now_ms);
                    memory.woken.extend(woken);
                }
                self.state = SenderState::IsAnswered { until_ms: now_ms + 10 };
                return;
            }
            if arrived == 0 {
                if self.frame.is_some_and(|id| memory.must_give_way(id)) {
                    self.leave(memory, now_ms, SenderState::Closed);
                }
                return;
            }
            if self.read >= FREE && self.read == self.held.max(FREE) {
                let is_small = memory.is_scarce() || !self.was_full;
                let step = if is_small { 4 * FREE } else { 32 * FREE };
                let bytes = self.size.min(step.max(2 * self.read));
                let address = self.address;
                let id = *self.frame.get_or_insert_with(|| memory.open(address, number, now_ms));
                self.held = bytes;
                let (is_held, woken) = memory.ask(id, self.size, bytes, now_ms);
                memory.woken.extend(woken);
                (self.was_queued, self.looks_ms) = (!is_held, now_ms);
                if self.was_queued {
                    continue;
                }
            }
            let room = self.held.max(FREE) - self.read;
            let read = arrived.min(room);
            self.read += read;
            self.was_full = read == room;
            let is_whole = self.read == self.size;
            if let Some(id) = self.frame.filter(|_| !is_whole)
                && !memory.arrived(id, read, self.was_full, now_ms)
            {
                self.leave(memory, now_ms, SenderState::Closed);
            }
        }
    }

    fn leave(&mut self, memory: &mut Memory, now_ms: i64, state: SenderState) {
        if let Some(id) = self.frame.take() {
            let woken = memory.close(id, now_ms);
            memory.woken.extend(woken);
        }
        (self.held, self.state) = (0, state);
    }
}

/// Runs until all `awaited` ones of `senders` are done, and no longer than `most_ms`.
fn simulate(senders: &mut [Sender], most_ms: i64, awaited: impl Fn(&Sender) -> bool) {
    let mut memory = Memory { frames: RequestMemory::new(BUDGET), woken: Vec::new() };
    let mut now_ms = 0;
    let goes_on = |sender: &Sender| {
        matches!(sender.state, SenderState::Sends | SenderState::IsAnswered { .. })
    };
    while senders.iter().any(|sender| awaited(sender) && goes_on(sender)) {
        assert!(now_ms < most_ms, "a sender waits for ever: {:?}", memory.ledger.held);
        for (number, sender) in senders.iter_mut().enumerate() {
            sender.go_on(number, &mut memory, now_ms);
        }
        for number in std::mem::take(&mut memory.woken) {
            senders[number].looks_ms = now_ms;
        }
        let held: usize = senders
            .iter()
            .filter(|sender| !sender.frame.is_some_and(|id| memory.is_queued(id)))
            .map(|sender| sender.held)
            .sum();
        assert!(held <= BUDGET + MIB + LARGEST, "{held} bytes are held");
        now_ms += TICK_MS;
    }
    for sender in senders {
        sender.leave(&mut memory, now_ms, sender.state);
    }
    assert_eq!(
        (memory.ledger.held, memory.ledger.leaving, memory.ledger.finishers),
        ([0; 2], [0; 2], [None; 2])
    );
    let memory = memory.frames.ledger;
    assert!(memory.frames.is_empty() && memory.accounts.is_empty() && memory.behind.is_empty());
    assert!(memory.queued.iter().all(BTreeSet::is_empty));
}

fn closed(senders: &[Sender]) -> usize {
    senders.iter().filter(|sender| sender.state == SenderState::Closed).count()
}

#[test]
fn the_largest_frames_pass_two_and_ten_at_a_time() {
    for count in [2, 10] {
        let mut senders = vec![sender(1, LARGEST, 0, 40 * MIB); count];
        simulate(&mut senders, 120_000, |_| true);
        assert_eq!(closed(&senders), 0);
    }
}

#[test]
fn half_received_frames_do_not_wait_for_each_other_in_a_circle() {
    for size in [900_000, 5 * MIB, 20 * MIB] {
        let mut senders: Vec<Sender> = (0..100).map(|n| sender(n / 20, size, 0, 2 * MIB)).collect();
        simulate(&mut senders, 1_500_000, |_| true);
        assert_eq!(closed(&senders), 0, "{size}");
    }
}

#[test]
fn a_large_frame_that_comes_slowly_is_no_hindrance_to_small_ones() {
    let mut senders = vec![sender(1, 90_000_000, 0, 80_000)];
    senders.extend((0..1000).map(|n| sender(1, 50_000, 50_000, 0).beginning_at(n * 1100)));
    simulate(&mut senders, 1_200_000, |_| true);
    assert_eq!(closed(&senders), 0, "there is memory for all");
    let longest = senders[1..].iter().filter_map(Sender::done_ms).max();
    assert!(longest < Some(30), "{longest:?}");
}

#[test]
fn a_large_frame_that_comes_slowly_gives_way_to_another_large_one() {
    let slow = sender(1, 90_000_000, 0, 80_000);
    // By then it has more than its share, and was the only one that could have it.
    let other = sender(1, LARGEST, 0, 50 * MIB).beginning_at(300_000);
    let mut senders = vec![slow, other];
    simulate(&mut senders, 400_000, |_| true);
    assert_eq!(senders[0].state, SenderState::Closed);
    assert!(senders[1].done_ms() < Some(2500), "{:?}", senders[1]);
}

#[test]
fn thousands_that_send_a_byte_a_second_are_no_hindrance() {
    // Sizes below and above what need not be asked for.
    for at_once in [10, FREE, 20_000, 100_000] {
        let mut senders = vec![sender(1, 1_000_000, at_once, 1); 2000];
        let good = |address, ms| sender(address, 900_000, 900_000, 0).beginning_at(ms);
        senders.extend([good(1, 8000), good(2, 8000), good(1, 20_000), good(1, 20_001)]);
        simulate(&mut senders, 30_000, |sender| sender.size == 900_000);
        for good in &senders[2000..] {
            assert!(good.done_ms() < Some(1100), "{at_once}: {good:?}");
        }
    }
}

#[test]
fn another_address_has_its_share_at_once_and_no_connection_is_closed_for_it() {
    // They are not slow yet, and there are enough of them that some wait.
    let mut senders = vec![sender(1, 1_000_000, 500_000, 2 * MIB); 100];
    senders.push(sender(2, 900_000, 900_000, 0).beginning_at(5));
    simulate(&mut senders, 30_000, |_| true);
    assert!(senders[100].done_ms() < Some(30), "{:?}", senders[100]);
    assert_eq!(closed(&senders), 0);
}

#[test]
fn addresses_take_turns_whatever_they_hold() {
    let mut memory = RequestMemory::new(8 * MIB);
    let ask = |memory: &mut RequestMemory<&'static str>, address, name| {
        let id = memory.open(ip(address), name, 0);
        (id, memory.ask(id, MIB, MIB, 0).0)
    };
    // The first address holds more than the second, and the finisher is the second's.
    for address in [1, 1, 1, 1, 2, 2, 3, 3] {
        assert!(ask(&mut memory, address, "held").1);
    }
    let (finisher, is_held) = ask(&mut memory, 2, "finisher");
    assert!(is_held);
    let waits = [(2, "second"), (2, "second again"), (1, "first"), (1, "first again")];
    let waits = waits.map(|(address, name)| (name, ask(&mut memory, address, name)));
    assert!(waits.iter().all(|(_, (_, is_held))| !is_held));
    // Each is evicted for the next one.
    let (mut closed, mut order) = (finisher, Vec::new());
    for _ in waits {
        memory.close(closed, 1000);
        let served =
            waits.iter().find(|(name, (id, _))| !order.contains(name) && !memory.is_queued(*id));
        let (name, (id, _)) = served.expect("no finisher");
        order.push(*name);
        closed = *id;
    }
    assert_eq!(order, ["first", "second", "first again", "second again"]);
}

#[test]
fn the_one_that_is_furthest_behind_gives_way_first_and_no_more_than_need() {
    let mut memory = RequestMemory::new(8 * MIB);
    let hold = |memory: &mut RequestMemory<u64>, wake, bytes, now_ms| {
        let id = memory.open(ip(1), wake, now_ms);
        let (is_held, _) = memory.ask(id, MIB, bytes, now_ms);
        (id, is_held)
    };
    let held: Vec<_> = (0..8).map(|n| hold(&mut memory, n, MIB / 2, n as i64)).collect();
    assert!(held.iter().all(|(_, is_held)| *is_held));
    memory.arrived(held[0].0, 100_000, false, 10);
    // One more may be completed beside the budget, the next one must wait.
    assert!(hold(&mut memory, 8, MIB, 20).1);
    let (next, is_held) = hold(&mut memory, 9, MIB / 4, 20);
    assert!(!is_held);
    assert_eq!(memory.make_room(next, 500), (vec![], 1001 + 1), "none is slow yet");
    assert_eq!(memory.make_room(next, 1900).0, [1], "the first has sent something since");
    assert!(memory.make_room(next, 1900).0.is_empty(), "that is enough");
    assert!(memory.must_give_way(held[1].0) && memory.is_queued(next));
    assert_eq!(memory.close(held[1].0, 1901), [9]);
    assert!(!memory.is_queued(next));
}

#[test]
fn who_sends_before_it_is_closed_and_has_more_to_send_stays() {
    let mut memory = RequestMemory::new(2 * MIB);
    let [slow, fast, next] = [0, 1, 2].map(|wake| memory.open(ip(1), wake, 0));
    assert!(memory.ask(slow, MIB, MIB, 0).0 && memory.ask(fast, MIB, MIB, 0).0);
    assert!(!memory.ask(next, MIB, MIB, 0).0);
    assert_eq!(memory.make_room(next, 1500).0.len(), 1);
    let (gives_way, other) = if memory.must_give_way(slow) { (slow, fast) } else { (fast, slow) };
    assert!(!memory.arrived(gives_way, 1, false, 1501), "a byte is not enough");
    assert!(memory.arrived(gives_way, 1, true, 1502), "the broker was slow, not the client");
    assert!(!memory.must_give_way(gives_way));
    assert_eq!(memory.make_room(next, 1503).0.len(), 1);
    assert!(memory.must_give_way(other));
}

#[test]
fn what_waits_at_its_clients_will_gives_way_after_all_that_are_slow() {
    let mut memory = RequestMemory::new(2 * MIB);
    let ids: Vec<FrameId> = (0..4).map(|wake| memory.open(ip(wake), wake, 0)).collect();
    assert!(ids[..3].iter().all(|id| memory.ask(*id, MIB, MIB, 0).0));
    memory.park(ids[0], 0);
    memory.answer(ids[1], 0);
    assert!(!memory.ask(ids[3], MIB, MIB, 0).0);
    assert_eq!(memory.make_room(ids[3], 5000).0, [2]);
    memory.arrived(ids[2], MIB, true, 5000);
    assert_eq!(memory.make_room(ids[3], 5500).0, [0]);
    assert_eq!(memory.make_room(ids[3], 9000).0, [] as [u8; 0], "one that is answered stays");
}

#[test]
fn whatever_comes_those_at_a_proper_speed_are_served_and_stay() {
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut senders = Vec::new();
        for _ in 0..random.usize(20..150) {
            let size = match random.u8(0..10) {
                0 => random.usize(MIB..LARGEST),
                1..4 => random.usize(MIB..12 * MIB),
                _ => random.usize(100..MIB),
            };
            let is_slow = random.u8(0..3) == 0;
            // A slow address does not hinder other addresses.
            let address = if is_slow { random.u8(0..2) } else { random.u8(2..6) };
            let speed = if is_slow { random.usize(1..100_000) } else { random.usize(4..80) * MIB };
            let at_once = random.usize(0..size);
            let begins_ms = random.i64(0..2000);
            senders.push(sender(address, size, at_once, speed).beginning_at(begins_ms));
        }
        let is_proper = |sender: &Sender| sender.bytes_per_second > MIB;
        simulate(&mut senders, 600_000, is_proper);
        let closed =
            senders.iter().filter(|s| is_proper(s) && s.state == SenderState::Closed).count();
        assert_eq!(closed, 0, "seed {seed}");
    }
}

#[test]
fn a_frame_has_more_time_the_larger_it_is() {
    assert_eq!(arrival_ms(0, 1 << 20), 1000);
    assert_eq!(arrival_ms(3 << 20, 1 << 20), 4000);
    // The largest at the default rate: 54 minutes.
    assert_eq!(arrival_ms(LARGEST, 32_768), 3_232_000);
    assert_eq!(arrival_ms(usize::MAX, 1), i64::MAX);
}

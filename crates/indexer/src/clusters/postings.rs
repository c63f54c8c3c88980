//! Which speeches hold a key: six bytes each, in 65,536 sorted buckets by the key's upper half.

const BUCKETS: usize = 1 << 16;

/// The lower half of a key, then the number of a speech, both big-endian, so that bytes sort.
type Posting = [u8; 6];

/// The inverted table.
pub(super) struct Postings {
    buckets: Vec<Vec<Posting>>,
    len: usize,
}

impl Default for Postings {
    fn default() -> Self {
        Self {
            buckets: vec![Vec::new(); BUCKETS],
            len: 0,
        }
    }
}

impl Postings {
    pub(super) fn insert(&mut self, key: u32, speech: u32) {
        let (bucket, posting) = split(key, speech);
        let bucket = &mut self.buckets[bucket];
        let at = bucket.partition_point(|other| *other < posting);
        if bucket.len() == bucket.capacity() {
            // Doubling would leave a third of the table empty.
            bucket.reserve_exact(2 + bucket.len() / 16);
        }
        bucket.insert(at, posting);
        self.len += 1;
    }

    /// The keys of many speeches, bucket by bucket: the buckets are all over the memory.
    pub(super) fn insert_all(&mut self, speeches: &[(u32, Vec<u32>)]) {
        let pairs = speeches
            .iter()
            .flat_map(|(speech, keys)| keys.iter().map(|key| (*key, *speech)));
        let mut pairs: Vec<(u32, u32)> = pairs.collect();
        pairs.sort_unstable();
        for (key, speech) in pairs {
            self.insert(key, speech);
        }
    }

    /// The speeches that hold a key, of each key. All buckets are looked up before any is searched: they
    /// are all over the memory, and so it is asked for many of them at once.
    pub(super) fn of_all(&self, keys: &[u32]) -> Vec<Holders<'_>> {
        let buckets = keys.iter().map(|key| &self.buckets[split(*key, 0).0]);
        let buckets: Vec<&Vec<Posting>> = buckets.collect();
        for bucket in &buckets {
            std::hint::black_box(bucket.get(bucket.len() / 2).copied());
        }
        let both = keys.iter().zip(buckets);
        both.map(|(key, bucket)| holders(*key, bucket)).collect()
    }

    /// Every key and who holds it.
    pub(super) fn each(&self) -> impl Iterator<Item = (u32, u32)> {
        self.buckets
            .iter()
            .zip(0_u32..)
            .flat_map(|(bucket, upper)| {
                bucket.iter().map(move |[a, b, rest @ ..]| {
                    let lower = u16::from_be_bytes([*a, *b]);
                    (upper << 16 | u32::from(lower), u32::from_be_bytes(*rest))
                })
            })
    }

    /// Keeps the speeches that are wanted.
    pub(super) fn retain(&mut self, is_wanted: impl Fn(u32) -> bool) {
        for bucket in &mut self.buckets {
            bucket.retain(|posting| is_wanted(speech_of(*posting)));
        }
        self.len = self.buckets.iter().map(Vec::len).sum();
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes that are held, with the room for more.
    pub(super) fn num_bytes(&self) -> usize {
        let held: usize = self.buckets.iter().map(Vec::capacity).sum();
        held * size_of::<Posting>() + BUCKETS * size_of::<Vec<Posting>>()
    }
}

/// The speeches of a bucket that hold a key, in order.
fn holders(key: u32, bucket: &[Posting]) -> Holders<'_> {
    let (_, first) = split(key, 0);
    let (_, last) = split(key, u32::MAX);
    let from = bucket.partition_point(|other| *other < first);
    let len = bucket[from..].partition_point(|other| *other <= last);
    Holders(&bucket[from..from + len])
}

/// The speeches that hold one key.
#[derive(Clone, Copy)]
pub(super) struct Holders<'a>(&'a [Posting]);

impl Holders<'_> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().copied().map(speech_of)
    }

    pub(super) fn holds(&self, speech: u32) -> bool {
        self.0
            .binary_search_by_key(&speech, |posting| speech_of(*posting))
            .is_ok()
    }
}

fn split(key: u32, speech: u32) -> (usize, Posting) {
    let mut posting = [0; 6];
    posting[..2].copy_from_slice(&key.to_be_bytes()[2..]);
    posting[2..].copy_from_slice(&speech.to_be_bytes());
    ((key >> 16) as usize, posting)
}

fn speech_of([_, _, speech @ ..]: Posting) -> u32 {
    u32::from_be_bytes(speech)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_held_by_whom_it_was_given_to_and_by_nobody_else() {
        let mut postings = Postings::default();
        for (key, speech) in [(0x0001_0002, 7), (0x0001_0003, 1), (0x0001_0002, 300)] {
            postings.insert(key, speech);
        }
        let holders = postings.of_all(&[0x0001_0002, 0x0002_0002]);
        let (holders, none) = (holders[0], holders[1]);
        assert_eq!(holders.iter().collect::<Vec<_>>(), [7, 300]);
        assert!(holders.holds(300) && !holders.holds(1));
        assert_eq!(none.len(), 0);
        postings.retain(|speech| speech != 7);
        assert_eq!(
            postings.each().collect::<Vec<_>>(),
            [(0x0001_0002, 300), (0x0001_0003, 1)]
        );
        assert_eq!(postings.len(), 2);
    }
}

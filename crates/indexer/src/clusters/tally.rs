//! What speeches have in common with one: a count for each that is thought of.

/// The counts. Kept from one speech to the next: there is a place in it for every speech.
#[derive(Default)]
pub(super) struct Tally {
    /// By number: 0 for a speech that is not thought of, else one more than what was counted.
    places: Vec<u8>,
    /// Those that are thought of, and what each must have in common with it at least.
    numbers: Vec<(u32, u32)>,
}

impl Tally {
    /// Thinks of none of so many speeches.
    pub(super) fn begin(&mut self, num_speeches: usize) {
        for (number, _) in self.numbers.drain(..) {
            self.places[number as usize] = 0;
        }
        self.places.resize(num_speeches, 0);
    }

    pub(super) fn think_of(&mut self, number: u32) {
        let place = &mut self.places[number as usize];
        if *place == 0 {
            *place = 1;
            self.numbers.push((number, 0));
        }
    }

    /// One more in common, with a speech that is thought of; others are not counted.
    pub(super) fn count(&mut self, number: u32) {
        let place = &mut self.places[number as usize];
        *place = place.saturating_add(u8::from(*place > 0));
    }

    /// One more in common with each that is thought of and meets a condition.
    pub(super) fn count_where(&mut self, is_met: impl Fn(u32) -> bool) {
        for (number, _) in &self.numbers {
            self.places[*number as usize] += u8::from(is_met(*number));
        }
    }

    /// Speeches that are thought of.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Takes note of what each must have in common. `None`: it is not wanted. Thinks no more of those
    /// that so many more would not help.
    pub(super) fn keep(&mut self, num_left: u32, least: impl Fn(u32) -> Option<u32>) {
        self.retain(|place, number, needed| {
            *needed = least(number).unwrap_or(u32::MAX);
            u32::from(place) + num_left > *needed
        });
    }

    /// Thinks no more of those that so many more would not help.
    pub(super) fn drop_hopeless(&mut self, num_left: u32) {
        self.retain(|place, _, needed| u32::from(place) + num_left > *needed);
    }

    /// Without a branch: no processor guesses who stays.
    fn retain(&mut self, mut is_kept: impl FnMut(u8, u32, &mut u32) -> bool) {
        let mut num_kept = 0;
        for at in 0..self.numbers.len() {
            let (number, mut needed) = self.numbers[at];
            let place = &mut self.places[number as usize];
            let is_kept = is_kept(*place, number, &mut needed);
            *place *= u8::from(is_kept);
            self.numbers[num_kept] = (number, needed);
            num_kept += usize::from(is_kept);
        }
        self.numbers.truncate(num_kept);
    }

    /// The speeches that are thought of, and what was counted of each.
    pub(super) fn counts(&self) -> impl Iterator<Item = (u32, u32)> {
        let numbers = self.numbers.iter();
        numbers.map(|(number, _)| (*number, u32::from(self.places[*number as usize]) - 1))
    }

    /// Bytes of memory.
    pub(super) fn num_bytes(&self) -> usize {
        self.places.capacity() + self.numbers.capacity() * size_of::<(u32, u32)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_that_are_thought_of_are_counted_and_the_next_begins_with_none() {
        let mut tally = Tally::default();
        tally.begin(9);
        for number in [3, 7, 3] {
            tally.think_of(number);
        }
        for number in [3, 3, 4] {
            tally.count(number);
        }
        assert_eq!(tally.counts().collect::<Vec<_>>(), [(3, 2), (7, 0)]);
        tally.keep(1, |number| (number == 3).then_some(3));
        tally.count(7);
        assert_eq!(tally.counts().collect::<Vec<_>>(), [(3, 2)]);
        tally.drop_hopeless(1);
        assert_eq!(tally.len(), 1);
        tally.drop_hopeless(0);
        assert_eq!(tally.len(), 0);
        tally.begin(12);
        tally.think_of(7);
        assert_eq!(tally.counts().collect::<Vec<_>>(), [(7, 0)]);
    }
}

//! The order in which people expect names: `Season 2` before `Season 10`, whatever the case.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::str::Chars;

/// Compares two names. Names that only differ in case or in leading zeros keep one order too, so that it is the same at each
/// look.
pub fn natural(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one.chars().peekable(), other.chars().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if a.is_ascii_digit() && b.is_ascii_digit() => {
                let (a, b) = (number(&mut left), number(&mut right));
                // Digits without leading zeros: the longer number is the larger one.
                a.len().cmp(&b.len()).then_with(|| a.cmp(&b))
            }
            (Some(&a), Some(&b)) => {
                left.next();
                right.next();
                a.to_lowercase().cmp(b.to_lowercase())
            }
            (None, None) => return one.cmp(other),
            (a, b) => return a.is_some().cmp(&b.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Takes the digits that come next, without leading zeros.
fn number(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut digits = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        if digit != '0' || !digits.is_empty() {
            digits.push(digit);
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_count_as_numbers_and_case_does_not_matter() {
        let mut names =
            ["Season 10", "season 2", "Season 1", "Season", "Season 02", "apple", "Ärger", "10", "9", ""];
        names.sort_by(|one, other| natural(one, other));
        assert_eq!(
            names,
            ["", "9", "10", "apple", "Season", "Season 1", "Season 02", "season 2", "Season 10", "Ärger"]
        );
    }

    proptest! {
        #[test]
        fn only_the_same_name_is_equal_and_turning_two_round_turns_their_order(one in "[aA0129 ]{0,6}", other in "[aA0129 ]{0,6}") {
            prop_assert_eq!(natural(&one, &other).is_eq(), one == other);
            prop_assert_eq!(natural(&one, &other), natural(&other, &one).reverse());
        }
    }
}

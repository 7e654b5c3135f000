//! The command lines of `confluent local kafka`, for people who are used to it.

use std::ffi::OsString;

/// Returns the arguments without a leading `local kafka` or `local services kafka`, and with the
/// words of Confluent's command line replaced by Ottla's where they differ.
pub fn without_prefix(args: Vec<OsString>) -> Vec<OsString> {
    let words: Vec<&str> = args.iter().skip(1).take(4).filter_map(|arg| arg.to_str()).collect();
    let (skipped, put): (usize, &[&str]) = match words.as_slice() {
        ["local", "services", "kafka", "log", ..] => (4, &["logs"]),
        ["local", "services", "kafka", ..] => (3, &[]),
        ["local", "kafka", "consumer", "group", ..] => (4, &["group"]),
        ["local", "kafka", ..] => (2, &[]),
        ["services", "kafka", "log", ..] => (3, &["logs"]),
        ["consumer", "group", ..] => (2, &["group"]),
        _ => return args,
    };
    let mut args = args.into_iter();
    let own: Vec<OsString> = args.by_ref().take(1).collect();
    let rest = args.skip(skipped);
    own.into_iter().chain(put.iter().map(OsString::from)).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(line: &str) -> String {
        let args = line.split(' ').map(OsString::from).collect();
        let cut: Vec<String> =
            without_prefix(args).into_iter().map(|arg| arg.into_string().unwrap()).collect();
        cut.join(" ")
    }

    #[test]
    fn confluents_words_become_ours() {
        assert_eq!(
            cut("confluent local kafka topic create orders"),
            "confluent topic create orders"
        );
        assert_eq!(cut("confluent local services kafka log"), "confluent logs");
        assert_eq!(cut("confluent local services kafka start"), "confluent start");
        assert_eq!(cut("ottla consumer group list"), "ottla group list");
        assert_eq!(
            cut("confluent local kafka consumer group describe g"),
            "confluent group describe g"
        );
        assert_eq!(cut("ottla topic produce local"), "ottla topic produce local");
        assert_eq!(cut("ottla"), "ottla");
    }
}

// kafka-go as of 0.4.47, which still speaks the oldest versions; for ./kafkago alone.
module ottla/interop

go 1.26.0

require github.com/segmentio/kafka-go v0.4.47

require (
	github.com/klauspost/compress v1.15.9 // indirect
	github.com/pierrec/lz4/v4 v4.1.15 // indirect
)

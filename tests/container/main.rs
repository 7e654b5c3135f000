//! The images of the Dockerfile, run by a real Docker engine. `tests/container/run` builds them and
//! says where the engine is; without it these tests are ignored.

mod address;
mod compose;
mod engine;
mod image;
mod life;
mod modules;

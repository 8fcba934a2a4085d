use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use opendal::Writer;
use opendal::options::WriteOptions;

use crate::error::{Error, ErrorKind, Result, from_io};
use crate::file_facts::check_size;
use crate::gather::Gather;
use crate::local_upload::LocalUpload;
use crate::object_key::ObjectKey;
use crate::object_meta::{CHOSEN, CONTENT_TYPE, Facts, ObjectMeta, SHA256, memory_facts};
use crate::store::{Backend, Store};

/// Whether a finished upload may replace an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Publish {
    #[default]
    Replace,
    CreateOnly,
}

/// How much is held back before an object service gets the first byte: what ends within it is
/// written by one request, with its SHA-256 in the metadata.
const HELD: usize = 8 * 1024 * 1024;

/// An object on its way in. It can be seen after [`finish`](Upload::finish), and as a whole.
pub(crate) struct Upload {
    store: Store,
    key: ObjectKey,
    publish: Publish,
    /// What was known before the content came.
    told: Facts,
    gather: Gather,
    state: State,
}

enum State {
    Held(Vec<Bytes>, usize),
    Local(LocalUpload),
    Streaming(Box<Writer>),
}

impl Upload {
    pub(crate) async fn begin(
        store: &Store,
        key: &ObjectKey,
        publish: Publish,
        told: &Facts,
    ) -> Result<Self> {
        let state = match store.backend() {
            Backend::Folder(root) => {
                check_size(told).map_err(|e| from_io(e, &format!("object {key}")))?;
                State::Local(LocalUpload::begin(root, key).await?)
            }
            Backend::Memory | Backend::Service => State::Held(Vec::new(), 0),
        };
        if publish == Publish::CreateOnly && !store.can_create_only() {
            let message = format!("object {key}: this store can't create only");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let keeps = store.keeps_metadata();
        if !told.metadata.is_empty() && !keeps {
            let message = format!("object {key}: this store keeps no metadata");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let told = told.clone();
        let (store, key, gather) = (store.clone(), key.clone(), Gather::default());
        Ok(Upload { store, key, publish, told, gather, state })
    }

    pub(crate) async fn write(&mut self, piece: Bytes) -> Result<()> {
        if let State::Local(upload) = &mut self.state {
            return upload.write(piece).await;
        }
        for piece in self.gather.take(piece) {
            self.pass_on(piece).await?;
        }
        Ok(())
    }

    async fn pass_on(&mut self, piece: Bytes) -> Result<()> {
        match &mut self.state {
            State::Local(upload) => upload.write(piece).await,
            State::Streaming(writer) => writer.write(piece).await.map_err(|e| self.failed(e)),
            State::Held(pieces, held) => {
                *held += piece.len();
                pieces.push(piece);
                let spill = *held > HELD && matches!(self.store.backend(), Backend::Service);
                if spill { self.spill().await } else { Ok(()) }
            }
        }
    }

    /// Sends what was held back, and from now on piece by piece.
    async fn spill(&mut self) -> Result<()> {
        let mut options = self.options(&self.told, SystemTime::now());
        // Parts of this size let an object service take 10,000 of them: 80 GiB.
        options.chunk = Some(HELD);
        let opened = self.store.operator().writer_options(self.key.as_str(), options).await;
        let writer = Box::new(opened.map_err(|e| self.failed(e))?);
        let held = std::mem::replace(&mut self.state, State::Streaming(writer));
        let (State::Held(pieces, _), State::Streaming(writer)) = (held, &mut self.state) else {
            return Ok(());
        };
        let sent = writer.write(pieces).await;
        sent.map_err(|e| self.failed(e))
    }

    /// Publishes the object and tells what was written: to look it up again might tell of another
    /// writer's.
    pub(crate) async fn finish(mut self, facts: Facts, len: u64) -> Result<ObjectMeta> {
        if let Some(rest) = self.gather.rest()
            && let Err(error) = self.pass_on(rest).await
        {
            self.abort().await;
            return Err(error);
        }
        let answer = match self.state {
            State::Local(upload) => return upload.finish(facts, self.publish).await,
            State::Held(ref pieces, _) => {
                let now = whole_micros(SystemTime::now());
                let options = self.options(&facts, now);
                let path = self.key.as_str();
                let written =
                    self.store.operator().write_options(path, pieces.clone(), options).await;
                let answer = written.map_err(|e| self.failed(e))?;
                if matches!(self.store.backend(), Backend::Memory) {
                    return Ok(ObjectMeta::remembered(self.key, len, facts, now));
                }
                answer
            }
            State::Streaming(ref mut writer) => match writer.close().await {
                Ok(answer) => answer,
                Err(error) => {
                    let error = self.failed(error);
                    // The service would keep the parts, for which somebody pays.
                    self.abort().await;
                    return Err(error);
                }
            },
        };
        Ok(ObjectMeta::written(self.key, len, facts, &answer))
    }

    pub(crate) async fn abort(self) {
        // A local upload removes its file when it goes; what is held goes with us.
        if let State::Streaming(mut writer) = self.state
            && let Err(error) = writer.abort().await
        {
            tracing::warn!(key = %self.key, %error, "an upload was not aborted");
        }
    }

    fn options(&self, facts: &Facts, now: SystemTime) -> WriteOptions {
        let can = self.store.operator().info().capability();
        let mut options = WriteOptions {
            if_not_exists: self.publish == Publish::CreateOnly,
            ..WriteOptions::default()
        };
        let mut user = Vec::new();
        match &facts.content_type {
            Some(media_type) if can.write_with_content_type => {
                options.content_type = Some(media_type.clone());
            }
            Some(media_type) => user.push((CONTENT_TYPE.to_owned(), media_type.clone())),
            None => {}
        }
        if let Some(sha256) = &facts.sha256 {
            user.push((SHA256.to_owned(), crate::object_meta::hex(sha256)));
        }
        for (name, value) in &facts.metadata {
            user.push((format!("{CHOSEN}{name}"), value.clone()));
        }
        if can.write_with_user_metadata && !user.is_empty() {
            options.user_metadata = Some(user.into_iter().collect());
        }
        if matches!(self.store.backend(), Backend::Memory) {
            options.cache_control = Some(memory_facts(facts, now));
        }
        options
    }

    fn failed(&self, error: opendal::Error) -> Error {
        self.store.failed(error, &format!("object {}", self.key))
    }
}

/// The time as memory keeps it.
fn whole_micros(time: SystemTime) -> SystemTime {
    let micros = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

//! An object store on opendal with presigned URLs on every backend

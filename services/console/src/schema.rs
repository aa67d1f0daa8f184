//! The contracts at run time: which paths there are, and what goes in and out of each.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, SerializeOptions};
use prost_types::FileDescriptorSet;
use serde_json::Value;

use crate::Error;

/// The messages and methods of all contracts.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pool: DescriptorPool,
    methods: Arc<HashMap<String, MethodDescriptor>>,
}

impl Schema {
    /// Reads a `google.protobuf.FileDescriptorSet`.
    pub(crate) fn new(descriptors: &[u8]) -> Result<Self, Error> {
        let mut pool = DescriptorPool::decode(descriptors)?;
        // Not among the contracts, but what their errors carry.
        let errors = FileDescriptorSet::decode(tonic_types::pb::FILE_DESCRIPTOR_SET)?;
        let known: HashSet<String> = pool.files().map(|file| file.name().to_owned()).collect();
        pool.add_file_descriptor_protos(errors.file.into_iter().filter(|file| !known.contains(file.name())))?;
        let methods = pool.services().flat_map(|service| {
            let name = service.full_name().to_owned();
            service
                .methods()
                .map(move |method| (format!("/{name}/{}", method.name()), method))
                .collect::<Vec<_>>()
        });
        let methods = Arc::new(methods.collect());
        Ok(Self { pool, methods })
    }

    /// The method at this path: `/<package>.<Service>/<Method>`.
    pub(crate) fn method(&self, path: &str) -> Option<&MethodDescriptor> {
        self.methods.get(path)
    }

    /// Every path and its method, by path.
    pub(crate) fn methods(&self) -> Vec<(&str, &MethodDescriptor)> {
        let mut all: Vec<_> = self.methods.iter().map(|(path, method)| (path.as_str(), method)).collect();
        all.sort_by_key(|(path, _)| *path);
        all
    }

    /// Whether there are methods in this package.
    pub(crate) fn has_package(&self, package: &str) -> bool {
        self.methods.values().any(|method| method.parent_service().package_name() == package)
    }

    /// A message of which only name and bytes are known, as JSON.
    pub(crate) fn debug(&self, name: &str, bytes: &[u8]) -> Option<Value> {
        let message = DynamicMessage::decode(self.pool.get_message_by_name(name)?, bytes).ok()?;
        message.serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new()).ok()
    }
}

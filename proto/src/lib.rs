//! The gRPC contracts of Dossier: the messages, clients and servers made from `dossier/<service>/v1/*.proto`, and the
//! descriptors of all of them.

#![expect(
    missing_docs,
    reason = "generated code; the contracts themselves are documented in the .proto files"
)]
#![expect(
    clippy::all,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    unused_qualifications,
    reason = "generated code"
)]

/// Agents, queues, and who gets which case.
pub mod assignment {
    pub mod v1 {
        tonic::include_proto!("dossier.assignment.v1");
    }
}

/// Cases and what is done with them.
pub mod cases {
    pub mod v1 {
        tonic::include_proto!("dossier.cases.v1");
    }
}

/// Messages in.
pub mod ingestion {
    pub mod v1 {
        tonic::include_proto!("dossier.ingestion.v1");
    }
}

/// The log and the read models, for operators.
pub mod operations {
    pub mod v1 {
        tonic::include_proto!("dossier.operations.v1");
    }
}

/// Policy files in, effective policy out.
pub mod policy {
    pub mod v1 {
        tonic::include_proto!("dossier.policy.v1");
    }
}

/// A `google.protobuf.FileDescriptorSet` of every contract and its imports, comments included.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

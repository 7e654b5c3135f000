//! Requests about security and quotas: SASL, ACLs, delegation tokens, client quotas.
//!
//! From the message schemas of Apache Kafka 4.1.

use kafka_protocol::messages::{
    alter_client_quotas_request, alter_user_scram_credentials_request, create_acls_request,
    create_delegation_token_request, delete_acls_request, describe_client_quotas_request,
    describe_delegation_token_request, describe_user_scram_credentials_request,
};

use crate::wire::field::{RequestSchema, array, bool, bytes, f64, i8, i32, i64, request, string};

/// `SaslHandshakeRequest`.
pub const SASL_HANDSHAKE: RequestSchema =
    request(17, "SaslHandshake", 0, 1).of(&[string("mechanism")]);

/// `DescribeAclsRequest`.
pub const DESCRIBE_ACLS: RequestSchema = request(29, "DescribeAcls", 1, 3).flexible(2).of(&[
    i8("resource_type_filter"),
    string("resource_name_filter").nullable(),
    i8("pattern_type_filter"),
    string("principal_filter").nullable(),
    string("host_filter").nullable(),
    i8("operation"),
    i8("permission_type"),
]);

/// `CreateAclsRequest`.
pub const CREATE_ACLS: RequestSchema =
    request(30, "CreateAcls", 1, 3).flexible(2).of(&[array::<create_acls_request::AclCreation>(
        "creations",
    )
    .of(&[
        i8("resource_type"),
        string("resource_name"),
        i8("resource_pattern_type"),
        string("principal"),
        string("host"),
        i8("operation"),
        i8("permission_type"),
    ])]);

/// `DeleteAclsRequest`.
pub const DELETE_ACLS: RequestSchema =
    request(31, "DeleteAcls", 1, 3).flexible(2).of(&[
        array::<delete_acls_request::DeleteAclsFilter>("filters").of(&[
            i8("resource_type_filter"),
            string("resource_name_filter").nullable(),
            i8("pattern_type_filter"),
            string("principal_filter").nullable(),
            string("host_filter").nullable(),
            i8("operation"),
            i8("permission_type"),
        ]),
    ]);

/// `SaslAuthenticateRequest`.
pub const SASL_AUTHENTICATE: RequestSchema =
    request(36, "SaslAuthenticate", 0, 2).flexible(2).of(&[bytes("auth_bytes")]);

/// `CreateDelegationTokenRequest`.
pub const CREATE_DELEGATION_TOKEN: RequestSchema =
    request(38, "CreateDelegationToken", 1, 3).flexible(2).of(&[
        string("owner_principal_type").since(3).nullable(),
        string("owner_principal_name").since(3).nullable(),
        array::<create_delegation_token_request::CreatableRenewers>("renewers")
            .of(&[string("principal_type"), string("principal_name")]),
        i64("max_lifetime_ms"),
    ]);

/// `RenewDelegationTokenRequest`.
pub const RENEW_DELEGATION_TOKEN: RequestSchema = request(39, "RenewDelegationToken", 1, 2)
    .flexible(2)
    .of(&[bytes("hmac"), i64("renew_period_ms")]);

/// `ExpireDelegationTokenRequest`.
pub const EXPIRE_DELEGATION_TOKEN: RequestSchema = request(40, "ExpireDelegationToken", 1, 2)
    .flexible(2)
    .of(&[bytes("hmac"), i64("expiry_time_period_ms")]);

/// `DescribeDelegationTokenRequest`.
pub const DESCRIBE_DELEGATION_TOKEN: RequestSchema = request(41, "DescribeDelegationToken", 1, 3)
    .flexible(2)
    .of(&[array::<describe_delegation_token_request::DescribeDelegationTokenOwner>("owners")
        .nullable()
        .of(&[string("principal_type"), string("principal_name")])]);

/// `DescribeClientQuotasRequest`.
pub const DESCRIBE_CLIENT_QUOTAS: RequestSchema =
    request(48, "DescribeClientQuotas", 0, 1).flexible(1).of(&[
        array::<describe_client_quotas_request::ComponentData>("components").of(&[
            string("entity_type"),
            i8("match_type"),
            string("match").nullable(),
        ]),
        bool("strict"),
    ]);

/// `AlterClientQuotasRequest`.
pub const ALTER_CLIENT_QUOTAS: RequestSchema =
    request(49, "AlterClientQuotas", 0, 1).flexible(1).of(&[
        array::<alter_client_quotas_request::EntryData>("entries").of(&[
            array::<alter_client_quotas_request::EntityData>("entity")
                .of(&[string("entity_type"), string("entity_name").nullable()]),
            array::<alter_client_quotas_request::OpData>("ops").of(&[
                string("key"),
                f64("value"),
                bool("remove"),
            ]),
        ]),
        bool("validate_only"),
    ]);

/// `DescribeUserScramCredentialsRequest`.
pub const DESCRIBE_USER_SCRAM_CREDENTIALS: RequestSchema =
    request(50, "DescribeUserScramCredentials", 0, 0).flexible(0).of(&[array::<
        describe_user_scram_credentials_request::UserName,
    >("users")
    .nullable()
    .of(&[string("name")])]);

/// `AlterUserScramCredentialsRequest`.
pub const ALTER_USER_SCRAM_CREDENTIALS: RequestSchema =
    request(51, "AlterUserScramCredentials", 0, 0).flexible(0).of(&[
        array::<alter_user_scram_credentials_request::ScramCredentialDeletion>("deletions")
            .of(&[string("name"), i8("mechanism")]),
        array::<alter_user_scram_credentials_request::ScramCredentialUpsertion>("upsertions").of(
            &[
                string("name"),
                i8("mechanism"),
                i32("iterations"),
                bytes("salt"),
                bytes("salted_password"),
            ],
        ),
    ]);

//! The description describes what the edge does.

use prost_reflect::SerializeOptions;

use super::*;
use crate::{
    decode,
    json::Json,
    sample::{self, Random},
};

fn contracts() -> (Schema, Value) {
    let schema = Schema::new(proto::DESCRIPTORS).unwrap();
    let document = document(&schema, |_| true);
    (schema, document)
}

/// As much of JSON Schema as the description uses; a keyword that is not known here fails the test.
fn validate(root: &Value, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let fail = |what: &str| Err(format!("{path}: {value} {what}"));
    let Some(keywords) = schema.as_object() else {
        return fail("is in no schema");
    };
    let empty = Map::new();
    let members = value.as_object().unwrap_or(&empty);
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    for (keyword, argument) in keywords {
        let pattern = argument.as_str().unwrap_or_default();
        match keyword.as_str() {
            "$ref" => validate(root, resolve(root, pattern).unwrap(), value, path)?,
            "type" => {
                let right = match pattern {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "number" => value.is_number(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "null" => value.is_null(),
                    other => return fail(&format!("has the unknown type {other}")),
                };
                if !right {
                    return fail(&format!("is no {pattern}"));
                }
            }
            "enum" => {
                if !argument.as_array().unwrap().contains(value) {
                    return fail("is no choice");
                }
            }
            "minimum" if value.as_f64() < argument.as_f64() => return fail("is too small"),
            "maximum" if value.as_f64() > argument.as_f64() => return fail("is too large"),
            "pattern" if pattern.contains("[0-9]+$") => {
                let digits = value.as_str().unwrap().trim_start_matches('-');
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return fail("are no digits");
                }
            }
            "required" => {
                if let Some(name) = argument
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|name| !members.contains_key(name.as_str().unwrap()))
                {
                    return fail(&format!("lacks {name}"));
                }
            }
            "properties" => {
                for (name, member) in members {
                    if let Some(schema) = argument.get(name) {
                        validate(root, schema, member, &format!("{path}.{name}"))?;
                    }
                }
            }
            "additionalProperties" => {
                for (name, member) in members.iter().filter(|(name, _)| !properties.contains_key(*name)) {
                    if argument == &Value::Bool(false) {
                        return fail(&format!("has {name}"));
                    }
                    validate(root, argument, member, &format!("{path}.{name}"))?;
                }
            }
            "items" => {
                for item in value.as_array().unwrap() {
                    validate(root, argument, item, path)?;
                }
            }
            "allOf" => {
                for one in argument.as_array().unwrap() {
                    validate(root, one, value, path)?;
                }
            }
            "oneOf" => {
                let all = argument.as_array().unwrap();
                if all.iter().filter(|one| validate(root, one, value, path).is_ok()).count() != 1 {
                    return fail("is not exactly one of the choices");
                }
            }
            "anyOf" => {
                let all = argument.as_array().unwrap();
                if !all.iter().any(|one| validate(root, one, value, path).is_ok()) {
                    return fail("is none of the choices");
                }
            }
            "not" => {
                if validate(root, argument, value, path).is_ok() {
                    return fail("is what it must not be");
                }
            }
            "minimum" | "maximum" | "pattern" | "format" | "description" | "contentEncoding"
            | "propertyNames" => {}
            other => return fail(&format!("has a schema with the unknown keyword {other}")),
        }
    }
    Ok(())
}

fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    root.pointer(reference.strip_prefix('#')?)
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        _ => {}
    }
}

fn input(path: &str) -> String {
    format!("/paths/{}/post/requestBody/content/application~1json/schema", path.replace('/', "~1"))
}

#[test]
fn every_reference_resolves() {
    let sample = document(&Schema::new(&sample::descriptors()).unwrap(), |_| true);
    for document in [contracts().1, sample] {
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 10);
        for reference in found {
            assert!(resolve(&document, reference).is_some(), "{reference}");
        }
    }
}

#[test]
fn every_method_is_there_and_only_what_is_offered() {
    let (schema, document) = contracts();
    for (path, method) in schema.methods() {
        let operation = &document["paths"][path]["post"];
        assert_eq!(operation["operationId"], method.full_name(), "{path}");
        let content = if method.is_server_streaming() { "text/event-stream" } else { "application/json" };
        assert!(operation["responses"]["200"]["content"][content].is_object(), "{path}");
    }
    assert!(schema.methods().len() >= 40, "the contracts were found");
    let some = super::document(&schema, |package| package == "dossier.policy.v1");
    let paths: Vec<_> = some["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/dossier.policy.v1.PolicyService/Apply", "/dossier.policy.v1.PolicyService/Show"]);
    assert!(some["components"]["schemas"].get("dossier.cases.v1.Case").is_none());
}

#[test]
fn client_streams_are_not_described() {
    let document = document(&Schema::new(&sample::descriptors()).unwrap(), |_| true);
    assert!(document["paths"]["/sample.v1.Samples/Echo"].is_object());
    assert!(document["paths"].get("/sample.v1.Samples/Collect").is_none());
}

#[test]
fn comments_of_the_contracts_are_its_words() {
    let (_, document) = contracts();
    let apply = &document["paths"]["/dossier.policy.v1.PolicyService/Apply"]["post"];
    assert_eq!(
        apply["summary"],
        "Validates the whole set and puts what changed into force, all of it or nothing"
    );
    let schemas = &document["components"]["schemas"];
    let messages = &schemas["dossier.ingestion.v1.SubmitRequest"]["properties"]["messages"];
    assert_eq!(messages["description"], "At most 500.");
    let direction = schemas["dossier.ingestion.v1.Direction"]["description"].as_str().unwrap();
    assert!(direction.contains("- `DIRECTION_INBOUND`: From the customer."), "{direction}");
    let tags = document["tags"].as_array().unwrap();
    let cases = tags.iter().find(|tag| tag["name"] == "dossier.cases.v1.Cases").unwrap();
    assert_eq!(cases["description"], "Cases from opening to closing.");
}

/// What is sent by the description is taken, and the other way round.
#[test]
fn random_requests_fit_the_description_and_are_taken() {
    let seed = Random::seed();
    let mut random = Random::new(seed);
    for schema in [contracts().0, Schema::new(&sample::descriptors()).unwrap()] {
        let document = document(&schema, |_| true);
        for (path, method) in schema.methods().into_iter().filter(|(_, method)| !method.is_client_streaming())
        {
            let shape = document.pointer(&input(path)).unwrap();
            for _ in 0..10 {
                let message = random.message(&method.input(), 0);
                let options = SerializeOptions::new();
                let json = message.serialize_with_options(serde_json::value::Serializer, &options).unwrap();
                validate(&document, shape, &json, path)
                    .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                let json = Json::parse(json.to_string().as_bytes()).unwrap();
                decode::message(&method.input(), json).unwrap();
            }
        }
    }
}

#[test]
fn the_description_refuses_what_the_edge_refuses() {
    let (_, document) = contracts();
    let refused = [
        ("/dossier.policy.v1.PolicyService/Show", json!({ "pth": "case" })),
        ("/dossier.policy.v1.PolicyService/Show", json!({ "path": 5 })),
        ("/dossier.policy.v1.PolicyService/Show", json!([])),
        ("/dossier.ingestion.v1.Ingestion/Submit", json!({ "origin": "ORIGIN_LIVE" })),
        ("/dossier.cases.v1.Cases/Bulk", json!({ "close": {}, "spam": {} })),
        ("/dossier.cases.v1.Cases/ListCases", json!({ "pageSize": -1 })),
    ];
    let schema = Schema::new(proto::DESCRIPTORS).unwrap();
    for (path, request) in refused {
        let shape = document.pointer(&input(path)).unwrap();
        assert!(validate(&document, shape, &request, path).is_err(), "{path} {request}");
        let json = Json::parse(request.to_string().as_bytes()).unwrap();
        assert!(decode::message(&schema.method(path).unwrap().input(), json).is_err(), "{path} {request}");
    }
}

#[test]
fn errors_fit_their_description() {
    let (schema, document) = contracts();
    let failure = crate::error::Failure::field("filter.status[0]", "should be one of these");
    validate(&document, &reference(ERROR), &failure.json(&schema), "error").unwrap();
}

//! X.509 certificates in PEM as JSON: one document `{ "certificates": […] }` (RFC 5280, RFC 7468).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::x509::AlgorithmIdentifier;

use crate::model::digest::{hex, sha256};
use crate::model::value::{SECOND, Time};

/// Decodes every certificate of a file, and says which blocks cannot be read; private keys are no evidence and are left out by [`super::redact`].
pub fn certificates(bytes: &[u8]) -> (Value, Vec<(String, String)>) {
    let mut certificates = Vec::new();
    let mut quarantine = Vec::new();
    for (number, block) in Pem::iter_from_buffer(bytes).enumerate() {
        let position = format!("block {}", number + 1);
        match block {
            Err(_) => quarantine.push((position, "a PEM block that cannot be read".to_owned())),
            Ok(block) if matches!(block.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE") => {
                match X509Certificate::from_der(&block.contents) {
                    Ok((_, certificate)) => certificates.push(describe(&certificate, &block.contents)),
                    Err(_) => quarantine.push((position, "a certificate that cannot be read".to_owned())),
                }
            }
            Ok(_) => {}
        }
    }
    if certificates.is_empty() && quarantine.is_empty() {
        quarantine.push((String::new(), "no certificate in the file".to_owned()));
    }
    (json!({ "certificates": certificates }), quarantine)
}

/// The first certificate of a PEM text, or one in bare base64 of DER.
///
/// # Errors
/// Why it is none.
pub fn one(text: &str) -> Result<Value, String> {
    let der = if text.contains("-----BEGIN") {
        let block = Pem::iter_from_buffer(text.as_bytes()).next().and_then(Result::ok);
        block.filter(|block| block.label.ends_with("CERTIFICATE")).map(|block| block.contents)
    } else {
        STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).ok()
    };
    let der = der.ok_or("neither PEM nor base64")?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| "a certificate that cannot be read")?;
    Ok(describe(&certificate, &der))
}

fn describe(certificate: &X509Certificate, der: &[u8]) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    put("serial", json!(hex(certificate.raw_serial())));
    put("subject", json!(certificate.subject().to_string()));
    put("issuer", json!(certificate.issuer().to_string()));
    put("self_issued", json!(certificate.subject().as_raw() == certificate.issuer().as_raw()));
    let time = |seconds: i64| json!(Time(seconds.saturating_mul(SECOND)).to_string());
    put("not_before", time(certificate.validity().not_before.timestamp()));
    put("not_after", time(certificate.validity().not_after.timestamp()));
    put("sha256", json!(sha256(der)));
    put("spki_sha256", json!(sha256(certificate.public_key().raw)));
    put("signature_algorithm", json!(signature(&certificate.signature_algorithm)));
    let (key_type, bits) = key(certificate);
    put("key_type", json!(key_type));
    put("key_bits", json!(bits));
    let mut names = Vec::new();
    let mut usages = Vec::new();
    let mut is_ca = false;
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(san) => {
                for name in &san.general_names {
                    match name {
                        GeneralName::DNSName(name) => names.push(json!({ "dns": name })),
                        GeneralName::URI(uri) => names.push(json!({ "uri": uri })),
                        GeneralName::RFC822Name(mail) => names.push(json!({ "email": mail })),
                        _ => {}
                    }
                }
            }
            ParsedExtension::BasicConstraints(constraints) => is_ca = constraints.ca,
            ParsedExtension::ExtendedKeyUsage(usage) => {
                let known = [
                    (usage.server_auth, "server"),
                    (usage.client_auth, "client"),
                    (usage.code_signing, "code"),
                    (usage.email_protection, "email"),
                ];
                usages.extend(known.iter().filter(|(is, _)| *is).map(|(_, name)| json!(name)));
            }
            _ => {}
        }
    }
    put("names", Value::Array(names));
    put("extended_key_usage", Value::Array(usages));
    put("is_ca", json!(is_ca));
    Value::Object(out)
}

/// The common name of a signature algorithm, or its object identifier (RFC 8017, RFC 5758, RFC 8410).
///
/// `None` where only the parameters would say which digest it uses, and they cannot be read.
fn signature(algorithm: &AlgorithmIdentifier) -> Option<String> {
    if let Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) = SignatureAlgorithm::try_from(algorithm) {
        return match parameters.hash_algorithm_oid().to_id_string().as_str() {
            "1.3.14.3.2.26" => Some("sha1-rsa-pss".to_owned()),
            "2.16.840.1.101.3.4.2.1" => Some("sha256-rsa-pss".to_owned()),
            "2.16.840.1.101.3.4.2.2" => Some("sha384-rsa-pss".to_owned()),
            "2.16.840.1.101.3.4.2.3" => Some("sha512-rsa-pss".to_owned()),
            _ => None,
        };
    }
    let oid = algorithm.algorithm.to_id_string();
    let name = match oid.as_str() {
        "1.2.840.113549.1.1.2" => "md2-rsa",
        "1.2.840.113549.1.1.4" => "md5-rsa",
        "1.2.840.113549.1.1.5" => "sha1-rsa",
        "1.2.840.113549.1.1.11" => "sha256-rsa",
        "1.2.840.113549.1.1.12" => "sha384-rsa",
        "1.2.840.113549.1.1.13" => "sha512-rsa",
        "1.2.840.10040.4.3" => "sha1-dsa",
        "2.16.840.1.101.3.4.3.2" => "sha256-dsa",
        "1.2.840.10045.4.1" => "sha1-ecdsa",
        "1.2.840.10045.4.3.2" => "sha256-ecdsa",
        "1.2.840.10045.4.3.3" => "sha384-ecdsa",
        "1.2.840.10045.4.3.4" => "sha512-ecdsa",
        "1.3.101.112" => "ed25519",
        "1.3.101.113" => "ed448",
        other => other,
    };
    Some(name.to_owned())
}

/// Key type and length in bits; null where they cannot be told.
fn key(certificate: &X509Certificate) -> (Option<&'static str>, Option<usize>) {
    match certificate.public_key().algorithm.algorithm.to_id_string().as_str() {
        "1.3.101.112" => return (Some("ed25519"), Some(256)),
        "1.3.101.113" => return (Some("ed448"), Some(456)),
        _ => {}
    }
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            // The modulus without its leading zeros, to the bit.
            let modulus: &[u8] = rsa.modulus;
            let start = modulus.iter().position(|byte| *byte != 0).unwrap_or(modulus.len());
            let digits = &modulus[start..];
            let bits = digits.first().map_or(0, |first| digits.len() * 8 - first.leading_zeros() as usize);
            (Some("rsa"), Some(bits))
        }
        Ok(PublicKey::EC(point)) => {
            // An uncompressed point is twice the field's size and one byte.
            let size = match point.key_size() {
                0 => None,
                // 521 bits are written in 66 bytes.
                528 => Some(521),
                bits => Some(bits),
            };
            (Some("ec"), size)
        }
        Ok(PublicKey::DSA(_)) => (Some("dsa"), None),
        _ => (None, None),
    }
}

"""cryptography at work: Fernet, certificates and their verification, keys of all kinds, ciphers, derivation, errors."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes, hmac, padding, serialization
from cryptography.hazmat.primitives.asymmetric import dh, ec, ed25519, padding as rsa_padding, rsa, utils, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from cryptography.x509.oid import AttributeOID, ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store


def attempt(name, call):
    try:
        print(name, "gives", call())
    except Exception as error:
        print(name, "raises", type(error).__module__, type(error).__name__, str(error)[:70])


# Fernet: tokens of fixed keys and times, rotation, age
key = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
fernet = Fernet(key)
token = fernet.encrypt_at_time(b"a secret", 1_700_000_000)
print(fernet.decrypt(token), fernet.extract_timestamp(token), len(token))
print(fernet.decrypt_at_time(token, ttl=60, current_time=1_700_000_030))
attempt("an old token", lambda: fernet.decrypt_at_time(token, ttl=60, current_time=1_700_000_100))
attempt("a changed token", lambda: fernet.decrypt(token[:-4] + b"AAA="))
attempt("a token that is text", lambda: fernet.decrypt("not a token"))
attempt("a key too short", lambda: Fernet(b"short"))
both = MultiFernet([Fernet(Fernet.generate_key()), fernet])
print(both.decrypt(both.rotate(token)), both.decrypt(token))
attempt("another key", lambda: Fernet(Fernet.generate_key()).decrypt(token))
print(issubclass(InvalidToken, Exception), InvalidToken.__mro__)

# Digests, MACs, derivation
for algorithm in (hashes.SHA256(), hashes.SHA3_384(), hashes.BLAKE2b(64), hashes.MD5()):
    digest = hashes.Hash(algorithm)
    digest.update(b"abc")
    twin = digest.copy()
    twin.update(bytearray(b"def"))
    print(algorithm.name, digest.finalize().hex()[:24], twin.finalize().hex()[:24])
attempt("finished", lambda: digest.update(b"more"))
mac = hmac.HMAC(b"key", hashes.SHA256())
mac.update(memoryview(b"message"))
print(mac.copy().finalize().hex())
attempt("a wrong MAC", lambda: mac.verify(b"0" * 32))
print(PBKDF2HMAC(hashes.SHA256(), 32, b"salt", 1000).derive(b"password").hex())
print(Scrypt(b"salt", 32, 2**10, 8, 1).derive(b"password").hex())
print(HKDF(hashes.SHA512(), 42, None, b"info").derive(b"input").hex())

# Ciphers
nonce, secret = bytes(range(12)), bytes(range(32))
for kind in (AESGCM, ChaCha20Poly1305):
    cipher = kind(secret)
    sealed = cipher.encrypt(nonce, b"text", b"head")
    print(kind.__name__, sealed.hex(), cipher.decrypt(nonce, sealed, b"head"))
    attempt("another head", lambda: cipher.decrypt(nonce, sealed, b"tail"))
for mode in (modes.CBC(bytes(16)), modes.CTR(bytes(16)), modes.ECB()):
    encryptor = Cipher(algorithms.AES(secret), mode).encryptor()
    padder = padding.PKCS7(128).padder()
    text = padder.update(b"twenty-one characters") + padder.finalize()
    sealed = encryptor.update(text) + encryptor.finalize()
    into = bytearray(len(sealed) + 15)
    decryptor = Cipher(algorithms.AES(secret), mode).decryptor()
    n = decryptor.update_into(sealed, into)
    print(mode.name, sealed.hex(), n, bytes(into[:21]))
attempt("no whole block", lambda: Cipher(algorithms.AES(secret), modes.ECB()).encryptor().update_into(b"abc", bytearray(1)))

# Keys
rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
scheme = rsa_padding.PSS(rsa_padding.MGF1(hashes.SHA256()), rsa_padding.PSS.MAX_LENGTH)
signature = rsa_key.sign(b"text", scheme, hashes.SHA256())
print(rsa_key.key_size, rsa_key.public_key().verify(signature, b"text", scheme, hashes.SHA256()))
attempt("a wrong signature", lambda: rsa_key.public_key().verify(signature, b"other", scheme, hashes.SHA256()))
oaep = rsa_padding.OAEP(rsa_padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
print(rsa_key.decrypt(rsa_key.public_key().encrypt(b"secret", oaep), oaep))
ec_key = ec.derive_private_key(0x1234567890ABCDEF1234567890ABCDEF, ec.SECP256R1())
numbers = ec_key.public_key().public_numbers()
print(hex(numbers.x), hex(numbers.y), numbers.curve.name, numbers == ec_key.public_key().public_numbers())
der = ec_key.sign(b"text", ec.ECDSA(hashes.SHA256()))
r, s = utils.decode_dss_signature(der)
print(utils.encode_dss_signature(r, s) == der, ec_key.public_key().verify(der, b"text", ec.ECDSA(hashes.SHA256())))
ed = ed25519.Ed25519PrivateKey.from_private_bytes(secret)
print(ed.sign(b"text").hex(), ed.public_key().public_bytes_raw().hex())
one, two = x25519.X25519PrivateKey.from_private_bytes(secret), x25519.X25519PrivateKey.from_private_bytes(secret[::-1])
print(one.exchange(two.public_key()).hex(), one.exchange(two.public_key()) == two.exchange(one.public_key()))
pem = ed.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
print(pem.decode())
locked = rsa_key.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"pass")
)
print(serialization.load_pem_private_key(locked, b"pass").private_numbers() == rsa_key.private_numbers())
attempt("no password", lambda: serialization.load_pem_private_key(locked, None))
attempt("a wrong password", lambda: serialization.load_pem_private_key(locked, b"wrong"))
attempt("no key", lambda: serialization.load_pem_private_key(b"nothing", None))
print(serialization.load_ssh_public_key(ed.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)) == ed.public_key())

# Certificates: an authority, a server, what a client makes of them
name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"), x509.NameAttribute(NameOID.COMMON_NAME, "Authority é")])
start = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)


def certificate(subject, public, issuer, signer, number, *extensions, days=365):
    built = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public).serial_number(number)
    built = built.not_valid_before(start).not_valid_after(start + datetime.timedelta(days=days))
    for extension, critical in extensions:
        built = built.add_extension(extension, critical=critical)
    return built.sign(signer, hashes.SHA256() if not isinstance(signer, ed25519.Ed25519PrivateKey) else None)


usage = dict.fromkeys(
    ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
     "crl_sign", "encipher_only", "decipher_only"), False)
authority_key = ec.derive_private_key(0xABCDEF, ec.SECP256R1())
identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
authority = certificate(
    name, authority_key.public_key(), name, authority_key, 1,
    (x509.BasicConstraints(ca=True, path_length=0), True), (identifier, False),
    (x509.KeyUsage(**{**usage, "key_cert_sign": True, "crl_sign": True}), True),
)
server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
server = certificate(
    server_name, ec_key.public_key(), name, authority_key, 0x1234,
    (x509.SubjectAlternativeName([x509.DNSName("example.org"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False),
    (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
    (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
    (x509.BasicConstraints(ca=False, path_length=None), True),
)
print(authority.subject.rfc4514_string(), server.issuer == authority.subject, hex(server.serial_number), server.version)
print(server.not_valid_before_utc, server.not_valid_after_utc, server.signature_algorithm_oid, server.signature_hash_algorithm.name)
for extension in server.extensions:
    print(extension.oid._name, extension.critical, type(extension.value).__name__)
names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
print(names.get_values_for_type(x509.DNSName), names.get_values_for_type(x509.IPAddress), identifier.digest.hex())
attempt("no such extension", lambda: server.extensions.get_extension_for_class(x509.NameConstraints))
print(server.verify_directly_issued_by(authority))
attempt("not its issuer", lambda: server.verify_directly_issued_by(server))
verifier = PolicyBuilder().store(Store([authority])).time(start + datetime.timedelta(days=10))
print([c.subject.rfc4514_string() for c in verifier.build_server_verifier(x509.DNSName("example.org")).verify(server, [])])
attempt("another host", lambda: verifier.build_server_verifier(x509.DNSName("example.com")).verify(server, []))
late = PolicyBuilder().store(Store([authority])).time(start + datetime.timedelta(days=1000))
attempt("expired", lambda: late.build_server_verifier(x509.DNSName("example.org")).verify(server, []))
again = x509.load_pem_x509_certificate(server.public_bytes(serialization.Encoding.PEM))
print(again == server, hash(again) == hash(server), again.fingerprint(hashes.SHA256()) == server.fingerprint(hashes.SHA256()))
attempt("no certificate", lambda: x509.load_pem_x509_certificate(b"nothing"))
attempt("no DER", lambda: x509.load_der_x509_certificate(b"\x30\x03\x02\x01\x01"))
request = x509.CertificateSigningRequestBuilder().subject_name(server_name).add_attribute(
    AttributeOID.CHALLENGE_PASSWORD, b"pass").sign(ed, None)
print(request.is_signature_valid, request.attributes.get_attribute_for_oid(AttributeOID.CHALLENGE_PASSWORD).value)
revoked = x509.RevokedCertificateBuilder().serial_number(0x1234).revocation_date(start).build()
crl = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(start).next_update(
    start + datetime.timedelta(days=1)).add_revoked_certificate(revoked).sign(authority_key, hashes.SHA256())
print(len(crl), [hex(entry.serial_number) for entry in crl], crl.is_signature_valid(authority_key.public_key()))
print(crl.get_revoked_certificate_by_serial_number(1), crl[0].revocation_date_utc, crl[0:1][0].serial_number)
packed = pkcs12.serialize_key_and_certificates(b"name", ec_key, server, [authority], serialization.BestAvailableEncryption(b"p"))
back = pkcs12.load_pkcs12(packed, b"p")
print(back.cert.friendly_name, back.cert.certificate == server, len(back.additional_certs), back.key.private_numbers() == ec_key.private_numbers())
signed = pkcs7.PKCS7SignatureBuilder().set_data(b"mail").add_signer(server, ec_key, hashes.SHA256()).sign(
    serialization.Encoding.SMIME, [])
print(signed.startswith(b"MIME-Version: 1.0"))
attempt("a bad date", lambda: x509.CertificateBuilder().not_valid_before("today"))
attempt("a serial too large", lambda: x509.CertificateBuilder().serial_number(1 << 160))

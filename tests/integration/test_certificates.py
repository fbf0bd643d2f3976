"""Certificates: of clients, of the proxy, and of the proxy towards a backend."""

import os
import signal
import ssl
import subprocess

import harness
import wire
from harness import BOTH_ROLES, Skip, raises
from progress import wait_until
from proxy_process import to_yaml
from servers import APP, APP_PASSWORD
from test_tls import certificates

ROLES = BOTH_ROLES


def client_certificate(directory):
    for arguments in (["req", "-newkey", "rsa:2048", "-nodes", "-keyout", "client.key", "-out", "client.csr", "-subj", "/CN=client"],
                      ["x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "client.crt",
                       "-days", "2"]):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def context(directory, certificate=False, highest=None):
    made = ssl.create_default_context(cafile=os.path.join(directory, "ca.pem"))
    if certificate:
        made.load_cert_chain(os.path.join(directory, "client.crt"), os.path.join(directory, "client.key"))
    if highest:
        made.maximum_version = highest
    return made


def with_tls(env, directory, tls=None, users=None):
    proxy = env.proxy(start=False)
    proxy.config["listen"][0]["tls"] = dict({"mode": "preferred", "cert": os.path.join(directory, "tls.crt"),
                                             "key": os.path.join(directory, "tls.key")}, **(tls or {}))
    if users:
        proxy.config["users"] = users
    proxy.write_config()
    return proxy


def no_session(call):
    try:
        call().one("SELECT 1")
    except (wire.Closed, ssl.SSLError, OSError):
        return
    raise AssertionError("the session was let in")


def test_client_certificates(env):
    env.needs_proxy()
    directory = certificates(env)
    client_certificate(directory)
    proxy = with_tls(env, directory, {"client_ca": os.path.join(directory, "ca.pem"), "client_cert": "required"})
    proxy.start()
    assert proxy.wire(tls=context(directory, certificate=True)).one("SELECT 1").rows == [["1"]]
    no_session(lambda: proxy.wire(tls=context(directory)))
    proxy.stop()
    proxy = with_tls(env, directory, {"client_ca": os.path.join(directory, "ca.pem"), "client_cert": "optional"},
                     [{"name": APP, "password": APP_PASSWORD, "require": "x509"}])
    proxy.start()
    assert proxy.wire(tls=context(directory, certificate=True)).one("SELECT 1").rows == [["1"]]
    raises(1045, lambda: proxy.wire(tls=context(directory)))
    raises(1045, proxy.wire)


def test_the_least_version_of_tls(env):
    env.needs_proxy()
    directory = certificates(env)
    proxy = with_tls(env, directory, {"min_version": "TLSv1.3"})
    proxy.start()
    assert proxy.wire(tls=context(directory)).one("SELECT 1").rows == [["1"]]
    no_session(lambda: proxy.wire(tls=context(directory, highest=ssl.TLSVersion.TLSv1_2)))


def test_certificates_are_read_again_without_a_restart(env):
    env.needs_proxy()
    directory = certificates(env)
    other = os.path.join(directory, "other")
    os.makedirs(other)
    proxy = with_tls(env, directory)
    proxy.start()
    old = proxy.wire(tls=context(directory))

    def serial():
        return proxy.wire(tls=context(directory)).socket.getpeercert()["serialNumber"]
    first = serial()
    for arguments in (["req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tls.key", "-out", "tls.csr", "-subj", "/CN=localhost"],
                      ["x509", "-req", "-in", "tls.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "tls.crt",
                       "-days", "2", "-extfile", "names"]):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)
    assert serial() == first, "read without being asked"
    proxy.process.send_signal(signal.SIGHUP)
    wait_until(lambda: serial() != first, 10, "the new certificate")
    assert old.one("SELECT 1").rows == [["1"]]
    second = serial()
    with open(os.path.join(directory, "tls.key"), "w") as out:
        out.write("broken")
    proxy.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "certificate=kept" in proxy.log_tail() and "tls.key" in proxy.log_tail(), 10, "the complaint")
    assert serial() == second


def test_check_names_the_place_of_a_broken_certificate(env):
    env.needs_proxy()
    directory = certificates(env)
    client_certificate(directory)
    proxy = with_tls(env, directory, {"key": os.path.join(directory, "client.key")})
    line = next(i for i, text in enumerate(to_yaml(proxy.config).splitlines(), 1) if "mode:" in text)
    done = subprocess.run([env.binary, "check", "--config", proxy.config_file], capture_output=True, text=True)
    assert done.returncode == 1, done
    assert "%s:%d:" % (proxy.config_file, line) in done.stderr and "client.key" in done.stderr, (line, done.stderr)


@harness.roles(harness.MYSQL_OLD)
def test_a_certificate_towards_a_backend(env):
    """MySQL makes a client's certificate for itself, beside its own."""
    env.needs_proxy()
    if env.old.kind != "mysql":
        raise Skip("needs MySQL")
    env.old.run("DROP USER IF EXISTS certified@'%'", "CREATE USER certified@'%' IDENTIFIED BY 'certified secret' REQUIRE X509")
    files = {"cert": os.path.join(env.old.directory, "client-cert.pem"), "key": os.path.join(env.old.directory, "client-key.pem")}
    users = [{"name": "certified", "password": "certified secret"}]
    proxy = env.proxy(config={"users": users, "backends": {"old": {"tls": dict({"mode": "required"}, **files)}}})
    assert proxy.wire("certified", "certified secret").one("SELECT 1").rows == [["1"]]
    without = env.proxy(config={"users": users, "backends": {"old": {"tls": {"mode": "required"}}}})
    raises(1045, lambda: without.wire("certified", "certified secret"))

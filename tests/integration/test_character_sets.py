"""Character sets and collations, by id and by name."""

import wire
from harness import BOTH_ROLES
from two_sides import UPDATE, answered_by, assert_t, is_mariadb, run, setup

ROLES = BOTH_ROLES


def test_a_login_with_a_collation_that_the_other_side_lacks_works(env):
    proxy = setup(env)
    for charset in (255, 8, 33, 45, 46, 224, 246, 63, 192):
        straight = env.old.wire(database="app", charset=charset)
        session = proxy.wire(database="app", charset=charset)
        ask = "SELECT @@character_set_client, @@collation_connection, @@character_set_results"
        assert session.one(ask).rows == straight.one(ask).rows, (charset, session.one(ask).rows, straight.one(ask).rows)
        assert answered_by(session) == "new", (charset, session.one(ask).rows)
        run(session, UPDATE)
    assert_t(env, proxy)


def test_every_collation_of_the_leader_is_mapped_or_pinned_with_a_reason(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    collations = [row[0] for row in env.old.run(
        "SELECT full_collation_name FROM information_schema.collation_character_set_applicability"
        if is_mariadb(session) else "SELECT collation_name FROM information_schema.collations ORDER BY 1")]
    step = 5 if len(collations) > 500 else 1  # of MariaDB's 1242, with every kind among them
    written, pinned = 0, []
    for collation in collations[::step]:
        charset = collation.split("_")[0]
        if charset in ("ucs2", "utf16", "utf16le", "utf32"):  # no client's
            continue
        run(session, "SET NAMES %s COLLATE %s" % (charset, collation))
        if answered_by(session) == "new":
            written += 1
        else:
            assert list(proxy.status()["clients"]["pinned_reasons"]), collation
            pinned.append(collation)
        run(session, UPDATE)
    assert written > 100 and all(c.startswith("gb18030") for c in pinned), (written, pinned)
    assert_t(env, proxy)


def test_a_collation_beyond_255_is_known_by_its_name(env):
    proxy = setup(env)
    session = proxy.wire(database="app", capabilities=wire.PLUGIN_AUTH)
    run(session, "SET NAMES utf8mb4 COLLATE %s" % ("utf8mb4_uca1400_ai_ci" if is_mariadb(session) else "utf8mb4_0900_bin"))
    assert answered_by(session) == "new"
    run(session, UPDATE)
    assert_t(env, proxy)

"""WordPress, installed and used by its own pages and its XML-RPC."""

import concurrent.futures
import os
import re
import shutil
import xmlrpc.client

from servers import APP, APP_PASSWORD

CONFIG = """<?php
define('DB_NAME', 'app'); define('DB_USER', '%s'); define('DB_PASSWORD', '%s'); define('DB_HOST', '127.0.0.1:%d');
define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
define('WP_AUTO_UPDATE_CORE', false); define('AUTOMATIC_UPDATER_DISABLED', true); define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true); define('WP_DEBUG', false);
foreach (['AUTH_KEY','SECURE_AUTH_KEY','LOGGED_IN_KEY','NONCE_KEY','AUTH_SALT','SECURE_AUTH_SALT','LOGGED_IN_SALT','NONCE_SALT'] as $k)
  define($k, 'constant ' . $k);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""
PASSWORD = "a long Password 4711"


def prepare(root, folder, database_port):
    """The application's folder and environment."""
    site = os.path.join(folder, "wordpress")
    if not os.path.exists(site):
        shutil.copytree(os.path.join(root, "usr/share/wordpress"), site, ignore_dangling_symlinks=True)
    with open(os.path.join(site, "wp-config.php"), "w") as out:
        out.write(CONFIG % (APP, APP_PASSWORD, database_port))
    plugins = os.path.join(site, "wp-content/mu-plugins")
    os.makedirs(plugins, exist_ok=True)
    with open(os.path.join(plugins, "quick.php"), "w") as out:
        out.write("<?php add_filter('wp_is_comment_flood', '__return_false', 99);")  # visitors here are quick
    return site, {}


def install(server, *_):
    page = server.browser().post("/wp-admin/install.php?step=2", {
        "weblog_title": "Grün & 日本", "user_name": "admin", "admin_password": PASSWORD, "admin_password2": PASSWORD,
        "pw_weak": "1", "admin_email": "admin@example.org", "blog_public": "0", "language": "en_US"})
    assert "Success!" in page, page[:3000]


def rpc(server, method, *arguments):
    body = xmlrpc.client.dumps((0, "admin", PASSWORD) + arguments, method, allow_none=True)
    answer = server.browser().post_body("/xmlrpc.php", body.encode(), "text/xml")
    return xmlrpc.client.loads(answer)[0][0]


def write_posts(server, number, count):
    """Posts with terms, an edit of each (revisions), comments of visitors, and an end for some of them."""
    for n in range(count):
        post = int(rpc(server, "wp.newPost", {
            "post_title": "Post %d.%d ü" % (number, n), "post_content": "<p>Text 😀 %s</p>" % ("long " * 200), "post_status": "publish",
            "comment_status": "open", "terms_names": {"post_tag": ["tag%d" % (n % 5), "von %d" % number], "category": ["c%d" % (n % 3)]},
            "custom_fields": [{"key": "mood", "value": "it's \"%d\"" % n}]}))
        assert rpc(server, "wp.editPost", post, {"post_content": "<p>Edited %d</p>" % n, "post_title": "Edited"}) is True
        visitor = server.browser()
        assert "Edited" in visitor.get("/", p=post)
        visitor.post("/wp-comments-post.php", {"comment": "Comment %d of %d" % (n, number), "author": "V%d" % number,
                                               "email": "v%d@example.org" % number, "url": "", "comment_post_ID": post,
                                               "comment_parent": 0})
        if n % 4 == 3:
            assert rpc(server, "wp.deletePost", post) is True


def administrate(server):
    """A session of the administrator: login, options, a user, a term, the list of comments, cron."""
    admin = server.browser()
    admin.get("/wp-login.php")
    page = admin.post("/wp-login.php", {"log": "admin", "pwd": PASSWORD, "wp-submit": "Log In", "redirect_to": admin.base + "/wp-admin/",
                                        "testcookie": "1"})
    assert "Dashboard" in page, page[:1500]
    page = admin.get("/wp-admin/options-general.php")
    nonce = re.search(r'name="_wpnonce" value="(\w+)"', page)[1]
    admin.post("/wp-admin/options.php", {"option_page": "general", "action": "update", "_wpnonce": nonce, "blogname": "Renamed",
                                         "blogdescription": "d", "timezone_string": "Europe/Berlin", "date_format": "Y-m-d",
                                         "time_format": "H:i", "start_of_week": "1", "admin_email": "admin@example.org",
                                         "siteurl": admin.base, "home": admin.base, "default_role": "subscriber"})
    page = admin.get("/wp-admin/user-new.php")
    nonce = re.search(r'name="_wpnonce_create-user" value="(\w+)"', page)[1]
    admin.post("/wp-admin/user-new.php", {"action": "createuser", "_wpnonce_create-user": nonce, "user_login": "author1",
                                          "email": "a1@example.org", "pass1": PASSWORD, "pass2": PASSWORD, "pw_weak": "on", "role": "author"})
    assert "author1" in admin.get("/wp-admin/users.php")
    admin.get("/wp-admin/edit-comments.php")
    admin.get("/wp-cron.php", doing_wp_cron="1")


def use(server, scale):
    administrate(server)
    # Terms that two visitors make in the same moment exist twice, or are an error, in WordPress itself.
    for taxonomy, names in (("post_tag", ["tag%d" % n for n in range(5)] + ["von %d" % n for n in range(4)]),
                            ("category", ["c%d" % n for n in range(3)])):
        for name in names:
            rpc(server, "wp.newTerm", {"name": name, "taxonomy": taxonomy})
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(write_posts, server, number, scale) for number in range(4)]:
            done.result()
    visitor = server.browser()
    for query in ({"s": "Edited"}, {"feed": "rss2"}):
        visitor.get("/", **query)
    return 20

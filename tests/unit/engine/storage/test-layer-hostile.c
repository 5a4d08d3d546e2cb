/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile layers: nothing gets out of the folder, no size is believed. */
#include "tests/unit/engine/storage/layer-fixture.h"

static void refused(const struct storage *s, const struct buf *tar, const char *part)
{
	struct strv ids auto_done(strv) = STRV_INIT;
	struct layer_info info = { 0 };
	struct err said = ERR_INIT;

	CHECK(put(s, tar, &info, &said) < 0);
	if (!strstr(said.text, part)) {
		fprintf(stderr, "\"%s\" does not say \"%s\"\n", said.text, part);
		_exit(1);
	}
	CHECK(tmp_is_empty(s));
	OK(storage_layer_list(s, &ids, &err));
	CHECK(ids.count == 0);
}

static void hostile_entries(const char *root)
{
	static const struct {
		char type;
		const char *name;
		const char *more;
		const char *part;
	} cases[] = {
		{ '0', "../outside", "x", "leads outside" },
		{ '0', "a/../../outside", "x", "leads outside" },
		{ '0', "..", "x", "leads outside" },
		{ '1', "h", "../../secret", "outside the layer" },
		{ '1', "h", "/etc/passwd", "does not hold" },
		{ '1', "h", "h", "to itself" },
		{ '1', "h", "", "to itself or to the root" },
		{ '2', "empty", "", "without a target" },
		{ '0', ".", "x", "the root is a folder" },
		{ '0', ".wh.", "", "whiteout of no name" },
		{ '0', ".wh..", "", "whiteout of no name" },
		{ '0', "a/.wh...", "", "whiteout of no name" },
		{ 'V', "label", "", "entries of this type" },
		{ 'Z', "x", "", "entries of this type" },
	};
	struct storage s auto_done(storage) = STORAGE_INIT;

	OK(storage_open(&s, root, &err));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf tar auto_done(buf) = BUF_INIT;

		build_entry(&tar, cases[i].type, cases[i].name, cases[i].more);
		build_end(&tar);
		refused(&s, &tar, cases[i].part);
	}
}

static void hostile_entries_are_refused(void **state)
{
	(void)state;
	fixture_run(hostile_entries);
}

/* A symlink to outside, and all ways to write, link or delete through it. */
static void hostile_links(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	auto_free char *target = xasprintf("%s/victim", root);
	auto_free char *store = xasprintf("%s/store", root);
	static const char *const targets[] = { "ABSOLUTE", "../../../../victim", "/", "../../.." };
	auto_close int victim = -1;
	size_t made = 0;

	OK(storage_open(&s, store, &err));
	CHECK(mkdir(target, 0755) == 0);
	victim = open(target, O_RDONLY | O_DIRECTORY);
	put_file(victim, "precious", "untouched");
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		struct buf tar auto_done(buf) = BUF_INIT;
		struct layer_info info = { 0 };
		struct err said = ERR_INIT;
		uint64_t bytes = 0;
		uint64_t entries = 0;

		build_entry(&tar, '2', "out", i == 0 ? target : targets[i]);
		build_entry(&tar, '5', "out/sub", "");
		build_entry(&tar, '0', "out/precious", "overwritten");
		build_entry(&tar, '0', "out/.wh.precious", "");
		build_entry(&tar, '0', "out/.wh..wh..opq", "");
		build_entry(&tar, '1', "out/linked", "out/precious");
		build_end(&tar);
		made += put(&s, &tar, &info, &said) == 0;
		CHECK(has_text(victim, "precious", "untouched"));
		CHECK(file_tree_usage(victim, ".", &bytes, &entries) == 0 && entries == 2);
		CHECK(faccessat(s.root_fd, "sub", F_OK, 0) < 0);
		CHECK(tmp_is_empty(&s));
	}
	CHECK(made >= 2); /* "/" and ".." lead to the layer's own root, as in the container */
}

static void symlinks_lead_nowhere_else(void **state)
{
	(void)state;
	fixture_run(hostile_links);
}

static void hostile_sizes(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct buf tar auto_done(buf) = BUF_INIT;
	struct buf name auto_done(buf) = BUF_INIT;
	struct layer_info info = { 0 };
	auto_close int fd = -1;

	OK(storage_open(&s, root, &err));
	for (int i = 0; i < 300; i++)
		(void)buf_addc(&name, 'n');
	build_pax(&tar, 'x', "path", name.data);
	build_entry(&tar, '0', "x", "");
	refused(&s, &tar, "File name too long");
	tar.size = 0;
	build_raw(&tar, build_header('0', "lies", 1000000), "short", 5);
	refused(&s, &tar, "cut");
	tar.size = 0;
	(void)buf_add(&tar, "\x1f\x8b\x08 no gzip at all", 18);
	refused(&s, &tar, "gzip stream");
	/* deep nesting, up to what a path can name, is fine */
	tar.size = 0;
	name.size = 0;
	for (int i = 0; i < 1900; i++)
		(void)buf_addf(&name, "d/");
	(void)buf_addf(&name, "f");
	build_pax(&tar, 'x', "path", name.data);
	build_entry(&tar, '0', "x", "deep");
	build_end(&tar);
	fd = put_and_get(&s, &tar, &info);
	CHECK(fd >= 0);
}

static void sizes_are_not_believed(void **state)
{
	(void)state;
	fixture_run(hostile_sizes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_entries_are_refused),
		cmocka_unit_test(symlinks_lead_nowhere_else),
		cmocka_unit_test(sizes_are_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

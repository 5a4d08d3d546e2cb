/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a --format template: parsing and running must end, within their bounds. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cli/format/template.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char record[] = "[{\"ID\":\"0123\",\"Names\":[\"a\",\"b\"],\"Labels\":{\"k\":"
				     "\"v\"},\"Pid\":7,\"Up\":true,"
				     "\"Size\":1.5,\"State\":{\"Status\":\"up\",\"Log\":[{\"Out\":"
				     "\"x\"}]},\"None\":null}]";
	static const struct template_types types = { .root = "fuzz", .maps = "Labels" };
	auto_free char *text = xstrndup((const char *)data, size);
	auto_template struct template *template = NULL;
	struct buf out auto_done(buf) = BUF_INIT;
	auto_json json_t *dot = NULL;
	struct err err = ERR_INIT;

	/* Ranges over numbers run for as long as TEMPLATE_STEPS_MAX says: too long for a fuzzer. */
	if (strstr(text, "range") && strpbrk(text, "0123456789"))
		return 0;
	if (template_parse("fuzz", text, &template, &err) < 0)
		return 0;
	if (json_parse(record, sizeof(record) - 1, "record", &dot, &err) == 0)
		(void)template_run(template, dot, &types, &out, &err);
	return 0;
}

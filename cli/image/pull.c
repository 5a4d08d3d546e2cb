/* SPDX-License-Identifier: Apache-2.0 */
/* bryo pull: fetches images from registries. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct pull_options {
	struct ops_pull_args args;
	const char *arch, *os, *variant;
	bool tls_verify;
	uint64_t retry;
};

#define AT(field) offsetof(struct pull_options, field)
static const struct cli_option options[] = {
	{ .name = "all-tags",
	  .letter = 'a',
	  .kind = CLI_BOOL,
	  .help = "All tagged images in the repository will be pulled",
	  .offset = AT(args.all_tags) },
	{ .name = "arch",
	  .kind = CLI_STRING,
	  .help = "Use ARCH instead of the architecture of the machine for choosing images",
	  .metavar = "ARCH",
	  .aliases = "override-arch",
	  .offset = AT(arch) },
	{ .name = "authfile",
	  .kind = CLI_STRING,
	  .help = "Path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to "
		  "override",
	  .complete = "file",
	  .offset = AT(args.authfile) },
	{ .name = "cert-dir",
	  .kind = CLI_STRING,
	  .help = "Pathname of a directory containing TLS certificates and keys",
	  .metavar = "Pathname",
	  .complete = "dir",
	  .offset = AT(args.cert_dir) },
	{ .name = "creds",
	  .secret = true,
	  .kind = CLI_STRING,
	  .help = "Credentials (USERNAME:PASSWORD) to use for authenticating to a registry",
	  .metavar = "Credentials",
	  .offset = AT(args.creds) },
	{ .name = "decryption-key",
	  .kind = CLI_ARRAY,
	  .help = "Key needed to decrypt the image (e.g. /path/to/key.pem)",
	  REFUSED },
	{ .name = "disable-content-trust",
	  .kind = CLI_BOOL,
	  .help = "This is a Docker specific option and is a NOOP",
	  IGNORED },
	{ .name = "os",
	  .kind = CLI_STRING,
	  .help = "Use OS instead of the running OS for choosing images",
	  .metavar = "OS",
	  .aliases = "override-os",
	  .offset = AT(os) },
	{ .name = "platform",
	  .kind = CLI_STRING,
	  .help = "Specify the platform for selecting the image.  (Conflicts with arch and os)",
	  .offset = AT(args.platform) },
	{ .name = "policy",
	  .kind = CLI_STRING,
	  .help = "Pull image policy (\"always\"|\"missing\"|\"never\"|\"newer\")",
	  .preset = "always",
	  .complete = "always,missing,never,newer",
	  .offset = AT(args.policy) },
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = CLI_BOOL,
	  .help = "Suppress output information when pulling images",
	  .offset = AT(args.quiet) },
	{ .name = "retry",
	  .kind = CLI_UINT,
	  .help = "Number of times to retry in case of failure when performing pull",
	  .preset = "3",
	  .offset = AT(retry) },
	{ .name = "retry-delay",
	  .kind = CLI_STRING,
	  .help = "Delay between retries in case of pull failures",
	  .offset = AT(args.retry_delay) },
	{ .name = "signature-policy",
	  .kind = CLI_STRING,
	  .hidden = true,
	  .offset = AT(args.signature_policy) },
	{ .name = "tls-verify",
	  .kind = CLI_BOOL,
	  .help = "Require HTTPS and verify certificates when contacting registries",
	  .preset = "true",
	  .offset = AT(tls_verify) },
	{ .name = "variant",
	  .kind = CLI_STRING,
	  .help = "Use VARIANT instead of the running architecture variant for choosing images",
	  .aliases = "override-variant",
	  .offset = AT(variant) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int set_platform(struct pull_options *o, char **ret_text, struct err *err)
{
	if (!o->arch && !o->os && !o->variant)
		return 0;
	if (o->args.platform)
		return err_say(err, ERR_USAGE,
			       "--platform option can not be specified with --arch or --os");
	*ret_text = xasprintf("%s/%s%s%s", str_or(o->os, "linux"), str_or(o->arch, ""),
			      o->variant ? "/" : "", str_or(o->variant, ""));
	o->args.platform = *ret_text;
	return 0;
}

static int run(struct cli *cli, struct err *err)
{
	struct pull_options *o = cli->options;
	auto_free char *platform = NULL;
	int r = set_platform(o, &platform, err);

	if (cli_was_set(cli->parse, &o->tls_verify))
		o->args.tls_verify = o->tls_verify ? "true" : "false";
	o->args.retry = cli_was_set(cli->parse, &o->retry) ? (int)o->retry : -1;
	for (size_t i = 0; r == 0 && i < cli->arg_count; i++) {
		struct strv ids auto_done(strv) = STRV_INIT;

		r = ops_image_pull(cli->ops, cli->args[i], &o->args, &ids, err);
		for (size_t j = 0; r == 0 && j < ids.count; j++)
			(void)buf_addf(&cli->out, "%s\n", ids.v[j]);
		if (r == 0)
			r = cli_flush(cli, err);
	}
	return r;
}

static void defaults(void *state)
{
	((struct pull_options *)state)->args.policy = "always";
}

const struct cli_command command_pull = {
	.summary = "Pull an image from a registry",
	.description = "Pulls an image from a registry and stores it locally.\n\nAn image can be "
		       "pulled by tag or digest. If a tag is not specified, the image with the "
		       "'latest' tag is pulled.",
	.usage = "[options] IMAGE [IMAGE...]",
	.examples = "pull imageName\n"
		    "pull fedora:latest",
	.complete = "image",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct pull_options),
	.args_min = 1,
	.args_max = CLI_ANY,
	.defaults = defaults,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};

#include "net/nft/apply.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/nft/protocol.h"

int apply_open(struct nft_ctx **ret, struct err *e)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

	if (!nft)
		return err_set(e, ENOMEM, "open nftables");
	if (nft_ctx_buffer_error(nft) != 0 || nft_ctx_buffer_output(nft) != 0) {
		nft_ctx_free(nft);
		return err_set(e, ENOMEM, "open nftables");
	}
	*ret = nft;
	return 0;
}

/* "<cmdline>:3:1-40: Error: Could not process rule: No such file or directory", and then the rule. */
static int explain(struct nft_ctx *nft, struct err *e)
{
	const char *text = nft_ctx_get_error_buffer(nft);
	int length = (int)strcspn(text, "\n");

	return err_set(e, EIO, "change nftables: %.*s", length < 400 ? length : 400, text);
}

int apply_file(struct nft_ctx *nft, int text_fd, struct err *e)
{
	struct stat st;
	const char *text;
	size_t size;
	int r = 0;

	if (fstat(text_fd, &st) < 0)
		return err_set(e, errno, "look at a transaction");
	if (st.st_size < 1 || st.st_size > NFT_MAX_TEXT)
		return err_set(e, EINVAL, "read a transaction: it has %lld bytes",
			       (long long)st.st_size);
	size = (size_t)st.st_size;
	text = mmap(NULL, size, PROT_READ, MAP_PRIVATE, text_fd, 0);
	if (text == MAP_FAILED)
		return err_set(e, errno, "read a transaction");
	if (text[size - 1] != '\0')
		r = err_set(e, EINVAL, "read a transaction: it does not end with a NUL");
	else if (nft_run_cmd_from_buffer(nft, text) != 0)
		r = explain(nft, e);
	(void)munmap((void *)(uintptr_t)text, size);
	return r;
}

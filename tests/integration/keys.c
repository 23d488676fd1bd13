/*
 * keys hold NAME COMMAND ...	execute it in a new session keyring that has a key of this name
 * keys find NAME		say whether this session has one
 */
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "hold") == 0) {
		if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
		    syscall(SYS_add_key, "user", argv[2], "secret", 6,
			    KEY_SPEC_SESSION_KEYRING) < 0)
			return perror("hold a key"), 1;
		execv(argv[3], argv + 3);
		return perror(argv[3]), 1;
	}
	if (argc != 3)
		return 2;
	puts(syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", argv[2], 0) < 0 ?
		     strerror(errno) : "found");
	return 0;
}

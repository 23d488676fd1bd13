/* Signals as people write them. */
#ifndef CONTAINERIZER_OCI_SIGNALS_H
#define CONTAINERIZER_OCI_SIGNALS_H

/* "9", "KILL", "SIGKILL", "sigkill", "RTMIN+3"; -EINVAL. */
int signal_from_text(const char *text);

#endif

/* Signals as people write them. */
#ifndef LIB_SIGNALS_H
#define LIB_SIGNALS_H

/* "9", "KILL", "SIGKILL", "sigkill", "RTMIN+3"; -EINVAL. */
int signal_from_text(const char *text);

#endif

/* Requests that wait for the end of a session. */
#ifndef AGENT_SESSION_WAIT_H
#define AGENT_SESSION_WAIT_H

struct session;

/* It has ended: answer them. */
void session_tell_waits(struct session *session);
/* It is forgotten: answer them that there is no such session. */
void session_drop_waits(struct session *session);

#endif

/* The smallest payload: what is left is the runtime's own time. */
int main(void)
{
	return 0;
}

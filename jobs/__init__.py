"""Work in the background: the queue, every task, the sweeper and the sender. They only call into the rooms."""

// Package control is the client of a supervisor's control socket, for agents
// and tools: it receives the container's states and sends the commands stop,
// kill and exit.
//
// # What arrives
//
// The supervisor tells the whole truth in each state: everything that a caller
// missed is still in the newest one. So the client keeps the newest state and no
// other. It reads all the time, whether or not anybody calls Next, and a state
// that nobody has taken is replaced by the one that follows. A slow caller thus
// misses states in between, never the newest, never reads an old one out of a
// queue, and never makes the supervisor wait. How many runs it missed is seen
// from Restarts.
//
// The last state of all is the final one (ContainerProcessState.Final). After it
// comes io.EOF, once the supervisor has closed the connection. It mostly does
// that only when told: for a final state without Err, call Exit. A connection
// that ends without a final state is io.ErrUnexpectedEOF: nobody knows then
// whether the container is still there, and Dial tells.
package control

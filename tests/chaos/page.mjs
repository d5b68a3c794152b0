// @ts-check
/** The JavaScript client without a browser: follows the query `counter`, and prints each state that it shows. */
import { createSessionClient } from '../../client_js/src/index.js';

const [, , baseURL] = process.argv;
const client = createSessionClient({ baseURL, WebSocket, initial: null });
client.query('counter').subscribe((state) => console.log(JSON.stringify(state)));

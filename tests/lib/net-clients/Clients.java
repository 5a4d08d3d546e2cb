// SPDX-License-Identifier: Apache-2.0

import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/**
 * Java's network in a container: "socket|nio HOST PORT" talk to an echo server, "http URL" prints
 * what HttpClient got, "silent HOST PORT" must time out, "serve PORT" says who came.
 */
public class Clients {
	static void socket(String host, int port) throws Exception {
		try (Socket s = new Socket()) {
			s.connect(new InetSocketAddress(host, port), 5000);
			s.setSoTimeout(5000);
			s.getOutputStream().write("from a Socket\n".getBytes());
			s.shutdownOutput();
			System.out.print(new String(s.getInputStream().readAllBytes()));
		}
	}

	/** Registered before it connects, as Netty does. */
	static void nio(String host, int port) throws Exception {
		ByteBuffer back = ByteBuffer.allocate(100);
		try (Selector selector = Selector.open(); SocketChannel channel = SocketChannel.open()) {
			channel.configureBlocking(false);
			SelectionKey key = channel.register(selector, 0);
			selector.selectNow();
			if (channel.connect(new InetSocketAddress(host, port)))
				key.interestOps(SelectionKey.OP_READ);
			else
				key.interestOps(SelectionKey.OP_CONNECT);
			boolean sent = false;
			while (back.position() == 0 || back.get(back.position() - 1) != '\n') {
				if (channel.isConnected() && !sent) {
					channel.write(ByteBuffer.wrap("from NIO\n".getBytes()));
					sent = true;
				}
				if (selector.select(5000) == 0)
					throw new Exception("nothing happens");
				selector.selectedKeys().clear();
				if (key.isConnectable() && channel.finishConnect())
					key.interestOps(SelectionKey.OP_READ);
				else if (key.isReadable() && channel.read(back) < 0)
					throw new Exception("closed");
			}
		}
		System.out.print(new String(back.array(), 0, back.position()));
	}

	static void http(String url) throws Exception {
		HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
				.connectTimeout(Duration.ofSeconds(5)).build();
		HttpRequest request = HttpRequest.newBuilder(URI.create(url)).build();
		System.out.print(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
	}

	static void silent(String host, int port) throws Exception {
		long began = System.nanoTime();
		try (Socket s = new Socket()) {
			s.connect(new InetSocketAddress(host, port), 500);
			System.out.println("connected");
		} catch (SocketTimeoutException e) {
			System.out.println(System.nanoTime() - began < 2_000_000_000L ? "timed out" : "late");
		}
	}

	static void serve(int port) throws Exception {
		ServerSocket server = new ServerSocket(port);
		System.out.println("ready");
		for (;;) {
			try (Socket s = server.accept()) {
				String who = s.getInetAddress().getHostAddress();
				s.getOutputStream().write(("java saw " + who + "\n").getBytes());
			}
		}
	}

	public static void main(String[] args) throws Exception {
		for (int i = 0; i < args.length; i++) {
			switch (args[i]) {
			case "socket" -> socket(args[++i], Integer.parseInt(args[++i]));
			case "nio" -> nio(args[++i], Integer.parseInt(args[++i]));
			case "http" -> http(args[++i]);
			case "silent" -> silent(args[++i], Integer.parseInt(args[++i]));
			case "serve" -> serve(Integer.parseInt(args[++i]));
			default -> throw new Exception(args[i]);
			}
		}
	}
}
